/// Why the member table in etcd is of no use, for now or for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EtcdError {
    /// No answer came in time, or etcd answered with an error. What was asked for was done or not.
    #[error("{place} has not answered: {why}")]
    Unanswered {
        /// Where.
        place: Box<str>,
        /// What is known of it.
        why: Box<str>,
    },
    /// The keys are another cluster's. Nothing was changed.
    #[error(
        "the member table of {place} is that of the cluster {theirs:?}, and this node is of {own:?}; name another \
         prefix (cluster.table), or the cluster (cluster.name)"
    )]
    Foreign {
        /// Where.
        place: Box<str>,
        /// Whose it is.
        theirs: Box<str>,
        /// Who asked.
        own: Box<str>,
    },
    /// Its members live by other terms. Nothing was changed.
    #[error(
        "the members in {place} have {theirs}, and this node has {own}; give all the same (cluster.lease, \
         cluster.key), or stop them all first"
    )]
    Terms {
        /// Where.
        place: Box<str>,
        /// Theirs.
        theirs: Box<str>,
        /// This node's.
        own: Box<str>,
    },
    /// What answers is not the table that answered before: an older copy, or another etcd. Nothing is asked of it any
    /// more.
    #[error(
        "the member table of {place} was restored from an older copy, or moved: {what}; stop all nodes for a lease, \
         remove the keys under the prefix (etcdctl del --prefix), and start them"
    )]
    Replaced {
        /// Where.
        place: Box<str>,
        /// By what that is known.
        what: Box<str>,
    },
    /// A key holds what no node writes. Nothing was changed.
    #[error(
        "the member table of {place} cannot be read: {what}; it was changed by hand or by a newer Tenure"
    )]
    Damaged {
        /// Where.
        place: Box<str>,
        /// What is wrong.
        what: Box<str>,
    },
    /// Others changed the table at each try. Nothing was changed.
    #[error("the member table of {place} changes all the time")]
    Busy {
        /// Where.
        place: Box<str>,
    },
}
