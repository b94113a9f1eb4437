//! The names and meanings of all metrics. A unit comes last and is a base unit; `_total` marks
//! what only grows.

/// A metric's name and the sentence that explains it on the metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name, as in `tenure_calls_total`.
    pub name: &'static str,
    /// What it says, without a full stop.
    pub help: &'static str,
}

macro_rules! descriptions {
    ($($constant:ident $name:literal $help:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help, ".")]
            pub const $constant: Description = Description { name: $name, help: $help };
        )*

        /// Every metric of this file.
        pub const ALL: &[Description] = &[$($constant),*];
    };
}

/// The label of an actor type's name.
pub const LABEL_TYPE: &str = "type";
/// The label of an error's code, as in problems.
pub const LABEL_CODE: &str = "code";
/// The label of a class of HTTP statuses: `2xx`, `4xx`, ..
pub const LABEL_STATUS_CLASS: &str = "status_class";

/// The label of a feed's name.
pub const LABEL_FEED: &str = "feed";
/// The label of a node's name.
pub const LABEL_NODE: &str = "node";
/// The label of the version of Tenure.
pub const LABEL_VERSION: &str = "version";

descriptions! {
    DATAGRAMS_DROPPED "tenure_gossip_datagrams_dropped_total" "Datagrams of gossip that were not taken: malformed, sealed with another key, or heard before";
    CALLS "tenure_calls_total" "Calls that reached this node, by actor type";
    CALLS_SENT_ON "tenure_calls_sent_on_total" "Those of them whose actor lives at another node, or is looked for";
    CALL_ERRORS "tenure_call_errors_total" "Calls that ended in an error, by actor type and code";
    ACTIVATIONS "tenure_activations" "Activations in memory, by actor type";
    ACTIVATIONS_STARTED "tenure_activations_started_total" "Activations made, by actor type";
    ACTIVATIONS_MOVED "tenure_activations_moved_total" "Activations that came from another node with their memory, by actor type";
    ACTIVATION_BYTES "tenure_activation_bytes" "Memory that activations take, as far as it is known";
    EVICTIONS "tenure_evictions_total" "Activations that left memory to make room";
    MAILBOX_CALLS "tenure_mailbox_calls" "Calls that wait for their turn";
    TURNS_IN_FLIGHT "tenure_turns_in_flight" "Turns that have begun and wait for something";
    SPAWNED "tenure_spawned" "Futures of cx.spawn that have not ended";
    UNCOMMITTED_BYTES "tenure_uncommitted_bytes" "Bytes of units on their way to the store";
    LOADS_IN_FLIGHT "tenure_loads_in_flight" "Activations that wait for their record";
    COMMIT_UNITS "tenure_commit_units_total" "Units that were committed";
    COMMIT_CONFLICTS "tenure_commit_conflicts_total" "Units that met another version";
    COMMIT_FAILURES "tenure_commit_failures_total" "Units whose commit failed";
    COMMIT_SECONDS "tenure_commit_seconds" "Time from the first submission of a unit to its commit";
    UNSAVED_AGE_SECONDS "tenure_unsaved_age_seconds" "Age of the oldest acknowledged turn that is not durable";
    UNSAVED_BYTES "tenure_unsaved_bytes" "Bytes of the states with acknowledged turns that are not durable";
    UNSAVED_LOST "tenure_unsaved_lost_total" "Actors that lost acknowledged turns which were not durable";
    REMINDERS "tenure_reminders" "Reminders that are due within a minute";
    FEED_ENTRIES "tenure_feed_entries_total" "Entries that were appended to feeds and are durable";
    FEED_BYTES "tenure_feed_bytes" "Bytes that are kept of a feed, of the first 64 feeds";
    FEED_OLDEST_AGE_SECONDS "tenure_feed_oldest_age_seconds" "Age of the oldest entry of a feed, of the first 64 feeds";
    FEED_POLLS "tenure_feed_polls" "Readers of feeds that are served, those that wait among them";
    STORE_AVAILABLE "tenure_store_available" "1 while the store answers, else 0";
    HTTP_REQUESTS "tenure_http_requests_total" "HTTP requests answered, by class of status";
    HTTP_REQUEST_SECONDS "tenure_http_request_seconds" "Time from a request's head to its reply";
    HTTP_REQUESTS_IN_FLIGHT "tenure_http_requests_in_flight" "HTTP requests that are being answered";
    HTTP_BODY_BYTES "tenure_http_body_bytes" "Bytes of HTTP bodies that are being read";
    HTTP_CONNECTIONS "tenure_http_connections" "Open HTTP connections";
    SESSIONS "tenure_sessions" "Open sessions: WebSockets and event streams";
    TOPICS "tenure_topics" "Actors whose events clients of this node follow";
    HTTP_CONNECTIONS_REFUSED "tenure_http_connections_refused_total" "HTTP connections refused because too many are open";
    NODE_INFO "tenure_node_info" "1, labelled with the node's name and version";
    PROCESS_RESIDENT_BYTES "process_resident_memory_bytes" "Resident memory of the process";
    PROCESS_OPEN_FDS "process_open_fds" "Open file descriptors of the process";
    PROCESS_THREADS "process_threads" "Threads of the process";
}
