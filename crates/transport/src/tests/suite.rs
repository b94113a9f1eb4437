//! The suite, on every kind of network and security.

use super::harness::{Kind, Subject};
use super::{cases, hostile, refusals};
use crate::Network;

macro_rules! suite {
    ($($name:ident: $network:expr, $kind:expr;)*) => { $(
        mod $name {
            use super::*;

            fn subject() -> Subject {
                Subject::new($network, $kind)
            }

            suite!(@cases
                cases::frames_arrive_in_order,
                cases::frames_of_the_largest_size_arrive,
                cases::hellos_are_exchanged,
                cases::full_lanes_refuse_and_others_flow,
                cases::held_frames_stop_their_lane_alone,
                cases::control_frames_are_bounded_without_credit,
                cases::peers_that_do_not_read_fill_the_queue,
                cases::broken_lanes_are_made_again,
                cases::what_never_left_comes_back,
                cases::what_waits_for_nobody_comes_back,
                cases::gone_nodes_are_told_apart,
                cases::closing_lets_what_waits_leave,
                cases::lanes_follow_the_list_of_peers,
                cases::later_lanes_replace_earlier_ones,
                cases::new_incarnations_are_others,
                cases::former_incarnations_are_not_heard,
                refusals::strangers_to_the_list_are_heard_once_they_are_in_it,
                refusals::other_clusters_are_refused,
                refusals::other_versions_are_refused,
                refusals::other_securities_are_refused,
                refusals::acceptors_without_the_key_are_not_believed,
                refusals::lists_of_peers_are_checked,
                hostile::altered_bytes_end_the_lane,
                hostile::replayed_connections_are_refused,
                hostile::frames_that_are_none_end_the_lane,
                hostile::redialling_brings_no_new_window,
                hostile::strangers_without_end_leave_nothing,
            );
        }
    )* };
    (@cases $($module:ident::$case:ident,)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $module::$case(&subject()).await;
        }
    )* };
}

suite! {
    tcp: Network::tcp(), Kind::Open;
    tcp_with_key: Network::tcp(), Kind::Key;
    tcp_with_tls: Network::tcp(), Kind::Tls;
    memory: Network::memory(), Kind::Open;
    memory_with_key: Network::memory(), Kind::Key;
}
