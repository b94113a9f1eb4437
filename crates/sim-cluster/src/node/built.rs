use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tenure_types::{BoxFuture, Instant, Tasks};

use crate::build::Build;

/// The tasks of a process, each of which knows which build of the program it is of.
pub(super) struct Built {
    tasks: Arc<dyn Tasks>,
    build: Build,
}

impl Built {
    /// These tasks as those of that build.
    pub(super) fn of(tasks: Arc<dyn Tasks>, build: Build) -> Arc<dyn Tasks> {
        Arc::new(Self { tasks, build })
    }
}

impl Tasks for Built {
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) {
        self.tasks.spawn(name, Box::pin(OfBuild { task, build: self.build }));
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        self.tasks.sleep_until(at)
    }

    fn is_worker(&self) -> bool {
        self.tasks.is_worker()
    }

    fn poll_share(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.tasks.poll_share(cx)
    }
}

struct OfBuild {
    task: BoxFuture<'static, ()>,
    build: Build,
}

impl Future for OfBuild {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let build = self.build;
        build.run(|| self.task.as_mut().poll(cx))
    }
}
