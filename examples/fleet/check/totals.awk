# The totals of every aircraft, airline and airport, from the table alone: what `fleet-load totals`
# must print, computed without Tenure. Any POSIX awk runs it.
#
#     awk -f totals.awk flights-2013-01.csv | LC_ALL=C sort
#
# A line: kind, key, flights, cancelled, departed, sum and maximum of departure delays, completed, sum and
# maximum of arrival delays, minutes in the air, miles, and for aircraft where and when it was seen last.

function add(kind, key,    at) {
    at = kind "," key
    flights[at]++
    if ($(col["dep_time"]) == "NA") cancelled[at]++; else departed[at]++
    if ($(col["dep_delay"]) != "NA") {
        dep_sum[at] += $(col["dep_delay"])
        if (!(at in dep_max) || $(col["dep_delay"]) + 0 > dep_max[at])
            dep_max[at] = $(col["dep_delay"]) + 0
    }
    if ($(col["arr_delay"]) != "NA") {
        arr_sum[at] += $(col["arr_delay"])
        if (!(at in arr_max) || $(col["arr_delay"]) + 0 > arr_max[at])
            arr_max[at] = $(col["arr_delay"]) + 0
    }
    if ($(col["air_time"]) != "NA") {
        completed[at]++
        air[at] += $(col["air_time"])
        miles[at] += $(col["distance"])
    }
}

function see(tail, airport, hhmm) {
    position["aircraft," tail] = sprintf("%s %04d-%02d-%02d %02d:%02d", airport,
        $(col["year"]), $(col["month"]), $(col["day"]), int(hhmm / 100), hhmm % 100)
}

function or_na(values, at) {
    return (at in values) ? values[at] : "NA"
}

BEGIN { FS = "," }

{ sub(/\r$/, "") }

NR == 1 { for (i = 1; i <= NF; i++) col[$i] = i; next }

{
    add("airline", $(col["carrier"]))
    add("airport_departures", $(col["origin"]))
    add("airport_arrivals", $(col["dest"]))
    tail = $(col["tailnum"])
    if (tail != "NA") {
        add("aircraft", tail)
        if ($(col["arr_time"]) != "NA") see(tail, $(col["dest"]), $(col["arr_time"]))
        else if ($(col["dep_time"]) != "NA") see(tail, $(col["origin"]), $(col["dep_time"]))
    }
}

END {
    for (at in flights)
        printf "%s,%d,%d,%d,%d,%s,%d,%d,%s,%d,%d,%s\n", at, flights[at], cancelled[at], departed[at],
            dep_sum[at], or_na(dep_max, at), completed[at], arr_sum[at], or_na(arr_max, at), air[at],
            miles[at], (at in position) ? position[at] : "-"
}
