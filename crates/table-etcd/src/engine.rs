use std::future::Future;

use tenure_types::BoxFuture;
use tokio::runtime::{Builder, Runtime};

use crate::EtcdError;

/// The table's own thread: whatever runs on the caller's, leases are renewed.
pub(crate) struct Engine {
    runtime: Option<Runtime>,
}

impl Engine {
    pub(crate) fn new() -> Self {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("tenure-etcd").enable_all().build();
        let runtime = runtime.inspect_err(|error| {
            tracing::error!(%error, "the thread tenure-etcd cannot be made");
        });
        Self { runtime: runtime.ok() }
    }

    /// Runs `work` there and gives its answer. Dropping the future does not stop the work.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, EtcdError>> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, EtcdError>> {
        let failed = |why: &str| EtcdError::Unanswered { place: "etcd".into(), why: why.into() };
        let Some(runtime) = &self.runtime else {
            let error = failed("there is no thread for it; raise the limit of processes");
            return Box::pin(std::future::ready(Err(error)));
        };
        let running = runtime.spawn(work);
        Box::pin(async move { running.await.unwrap_or_else(|_| Err(failed("its task ended"))) })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
