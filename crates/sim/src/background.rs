use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tenure_types::{BoxFuture, Tasks};

use crate::tasks::SimTasks;

/// A future that runs in the background, for instance a call whose caller a test plays.
pub struct Background<T>(Arc<Mutex<Course<T>>>);

struct Course<T> {
    step: Step<T>,
    /// The task itself, to end it when it is cancelled.
    task: Option<Waker>,
    waiting: Option<Waker>,
}

enum Step<T> {
    Runs(BoxFuture<'static, T>),
    /// It is being polled right now.
    Polled,
    Ready(T),
    Over,
}

impl<T: Send + 'static> Background<T> {
    /// Runs `future` as a task of `process`.
    #[must_use]
    pub fn run(process: &SimTasks, future: impl Future<Output = T> + Send + 'static) -> Self {
        Self::begin(process, "caller", future)
    }

    pub(crate) fn begin(
        tasks: &SimTasks,
        name: &'static str,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        let step = Step::Runs(Box::pin(future));
        let course = Arc::new(Mutex::new(Course { step, task: None, waiting: None }));
        let background = Self(Arc::clone(&course));
        tasks.spawn(name, Box::pin(poll_fn(move |cx| poll(&course, cx))));
        background
    }

    /// Whether it has ended, and its value was not taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.0.lock().step, Step::Ready(_))
    }

    /// Its value, once, if it has ended.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        let mut course = self.0.lock();
        match std::mem::replace(&mut course.step, Step::Over) {
            Step::Ready(value) => Some(value),
            other => {
                course.step = other;
                None
            }
        }
    }

    /// Waits for its value.
    ///
    /// # Cancel safety
    /// Cancel safe: it runs on.
    pub async fn wait(&self) -> T {
        poll_fn(|cx| match self.take() {
            Some(value) => Poll::Ready(value),
            None => {
                self.0.lock().waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    /// Drops it where it stands, as a caller does who goes away.
    pub fn cancel(&self) {
        let mut course = self.0.lock();
        let dropped = std::mem::replace(&mut course.step, Step::Over);
        let task = course.task.take();
        drop(course);
        drop(dropped);
        if let Some(task) = task {
            task.wake();
        }
    }
}

fn poll<T>(course: &Mutex<Course<T>>, cx: &mut Context<'_>) -> Poll<()> {
    let step = {
        let mut course = course.lock();
        course.task = Some(cx.waker().clone());
        std::mem::replace(&mut course.step, Step::Polled)
    };
    let Step::Runs(mut future) = step else {
        course.lock().step = step;
        return Poll::Ready(());
    };
    let polled = future.as_mut().poll(cx);
    let mut course = course.lock();
    if matches!(course.step, Step::Over) {
        // It cancelled itself.
        drop(course);
        drop(future);
        return Poll::Ready(());
    }
    match polled {
        Poll::Pending => {
            course.step = Step::Runs(future);
            Poll::Pending
        }
        Poll::Ready(value) => {
            course.step = Step::Ready(value);
            let waiting = course.waiting.take();
            drop(course);
            drop(future);
            if let Some(waiting) = waiting {
                waiting.wake();
            }
            Poll::Ready(())
        }
    }
}
