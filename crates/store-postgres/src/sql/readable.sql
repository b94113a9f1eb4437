-- For people: what is stored, as JSON. Tenure itself uses none of these.

-- A number of `bytes` bytes, the first one the highest.
CREATE FUNCTION unpack_number(packed bytea, place integer, bytes integer) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    number numeric := 0;
BEGIN
    FOR n IN 0 .. bytes - 1 LOOP
        number := number * 256 + get_byte(packed, place + n);
    END LOOP;
    RETURN number;
END $$;

-- An IEEE 754 number of 4 or 8 bytes.
CREATE FUNCTION unpack_float(packed bytea, place integer, bytes integer) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    bits numeric := unpack_number(packed, place, bytes);
    fraction_bits integer := CASE bytes WHEN 4 THEN 23 ELSE 52 END;
    exponent_max integer := CASE bytes WHEN 4 THEN 255 ELSE 2047 END;
    scale numeric := power(2::numeric, fraction_bits);
    sign integer := CASE WHEN get_byte(packed, place) >= 128 THEN -1 ELSE 1 END;
    exponent integer := mod(div(bits, scale), exponent_max + 1);
    fraction double precision := (mod(bits, scale) / scale)::double precision;
BEGIN
    IF exponent = exponent_max THEN
        RETURN to_jsonb(CASE WHEN fraction <> 0 THEN 'NaN' WHEN sign < 0 THEN '-inf' ELSE 'inf' END);
    END IF;
    IF exponent = 0 THEN
        RETURN to_jsonb(sign * fraction * power(2::double precision, 1 - exponent_max / 2));
    END IF;
    RETURN to_jsonb(sign * (1 + fraction) * power(2::double precision, exponent - exponent_max / 2));
END $$;

-- One MessagePack value at `place`, and the place after it.
CREATE FUNCTION unpack(packed bytea, place integer, OUT value jsonb, OUT after integer)
LANGUAGE plpgsql IMMUTABLE STRICT SET search_path FROM CURRENT AS $$
DECLARE
    tag integer := get_byte(packed, place);
    length_bytes integer := 0;
    items integer := 0;
    kind text;
    part record;
    name text;
BEGIN
    after := place + 1;
    CASE
        WHEN tag < 128 THEN value := to_jsonb(tag); RETURN;
        WHEN tag >= 224 THEN value := to_jsonb(tag - 256); RETURN;
        WHEN tag < 144 THEN kind := 'map'; items := tag - 128;
        WHEN tag < 160 THEN kind := 'array'; items := tag - 144;
        WHEN tag < 192 THEN kind := 'text'; items := tag - 160;
        WHEN tag = 192 THEN value := 'null'; RETURN;
        WHEN tag = 194 THEN value := 'false'; RETURN;
        WHEN tag = 195 THEN value := 'true'; RETURN;
        WHEN tag IN (196, 197, 198) THEN kind := 'bytes'; length_bytes := 1 << (tag - 196);
        WHEN tag = 202 THEN value := unpack_float(packed, after, 4); after := after + 4; RETURN;
        WHEN tag = 203 THEN value := unpack_float(packed, after, 8); after := after + 8; RETURN;
        WHEN tag BETWEEN 204 AND 207 THEN
            length_bytes := 1 << (tag - 204);
            value := to_jsonb(unpack_number(packed, after, length_bytes));
            after := after + length_bytes;
            RETURN;
        WHEN tag BETWEEN 208 AND 211 THEN
            length_bytes := 1 << (tag - 208);
            value := to_jsonb(unpack_number(packed, after, length_bytes)
                - CASE WHEN get_byte(packed, after) >= 128 THEN trunc(power(2::numeric, length_bytes * 8)) ELSE 0 END);
            after := after + length_bytes;
            RETURN;
        WHEN tag IN (217, 218, 219) THEN kind := 'text'; length_bytes := 1 << (tag - 217);
        WHEN tag IN (220, 221) THEN kind := 'array'; length_bytes := 2 << (tag - 220);
        WHEN tag IN (222, 223) THEN kind := 'map'; length_bytes := 2 << (tag - 222);
        ELSE RAISE EXCEPTION 'no value begins with the byte %', tag;
    END CASE;
    IF length_bytes > 0 THEN
        items := unpack_number(packed, after, length_bytes);
        after := after + length_bytes;
    END IF;
    CASE kind
        WHEN 'text' THEN
            value := to_jsonb(convert_from(substring(packed FROM after + 1 FOR items), 'UTF8'));
            after := after + items;
        WHEN 'bytes' THEN
            value := to_jsonb(encode(substring(packed FROM after + 1 FOR items), 'base64'));
            after := after + items;
        WHEN 'array' THEN
            value := '[]';
            FOR n IN 1 .. items LOOP
                SELECT * INTO part FROM unpack(packed, after);
                value := value || jsonb_build_array(part.value);
                after := part.after;
            END LOOP;
        ELSE
            value := '{}';
            FOR n IN 1 .. items LOOP
                SELECT * INTO part FROM unpack(packed, after);
                name := part.value #>> '{}';
                SELECT * INTO part FROM unpack(packed, part.after);
                value := value || jsonb_build_object(name, part.value);
                after := part.after;
            END LOOP;
    END CASE;
END $$;

-- The state in a head; NULL where it follows from a journal or the actor is deleted.
CREATE FUNCTION state_of(head bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT SET search_path FROM CURRENT AS $$
BEGIN
    IF get_byte(head, 5) <> 0 OR get_byte(head, 4) <> 1 THEN
        RETURN NULL;
    END IF;
    RETURN (unpack(head, 64)).value;
END $$;

-- The value of a row beside a head.
CREATE FUNCTION value_of(body bytea) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT SET search_path FROM CURRENT AS $$
BEGIN
    IF get_byte(body, 4) <> 1 THEN
        RETURN NULL;
    END IF;
    RETURN (unpack(body, 24)).value;
END $$;

CREATE VIEW states AS
SELECT
    a.type, a.key, a.version, to_timestamp(a.written_at_ms / 1000.0) AS written_at,
    coalesce(
        state_of(a.head),
        (SELECT value_of(r.body) FROM rows AS r
         WHERE r.type = a.type AND r.key = a.key AND r.kind = 2 AND r.version > a.born)
    ) AS state,
    a.snapshot AS state_after_event,
    a.kept_until_ms IS NOT NULL AS is_deleted
FROM actors AS a;

CREATE VIEW history AS
SELECT
    j.type, j.key, j.seq AS event, j.version, to_timestamp(j.written_at_ms / 1000.0) AS written_at,
    value_of(j.body) AS what
FROM journal AS j
JOIN actors AS a ON a.type = j.type AND a.key = j.key AND j.version > a.born;

CREATE VIEW reminders AS
SELECT
    r.type, r.key, convert_from(r.name, 'UTF8') AS name,
    to_timestamp(r.due_ms / 1000.0) AS due, value_of(r.body) AS what
FROM rows AS r
JOIN actors AS a ON a.type = r.type AND a.key = r.key AND r.version > a.born
WHERE r.kind = 5;
