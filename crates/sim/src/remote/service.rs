use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use tenure_types::BoxFuture;

use super::route::{Client, Lost, Route, RouteConfig, RouteTrouble, Routed};
use crate::machine::Machine;
use crate::simulation::Simulation;
use crate::tasks::SimTasks;

/// A server that carries out one request after the other.
pub trait Service: Send + 'static {
    /// What it is asked.
    type Request: Send + 'static;
    /// What it answers.
    type Answer: Send + 'static;

    /// Carries out a request.
    fn apply(&mut self, request: Self::Request) -> Self::Answer;

    /// Another server takes over: what clients are told to tell one from the other changes.
    fn fail_over(&mut self) {}
}

/// A server outside of the cluster, for instance the one with the member table. Clones are the same
/// one.
pub struct ServiceHost<S> {
    route: Arc<Route>,
    machine: Machine,
    service: Arc<Mutex<S>>,
}

impl<S> Clone for ServiceHost<S> {
    fn clone(&self) -> Self {
        let (route, service) = (Arc::clone(&self.route), Arc::clone(&self.service));
        Self { route, machine: self.machine.clone(), service }
    }
}

impl<S: Service> ServiceHost<S> {
    /// A server that runs `service`; `name` says which in traces.
    #[must_use]
    pub fn new(sim: &Simulation, name: &'static str, config: RouteConfig, service: S) -> Self {
        let machine = sim.machine_outside();
        let route = Route::new(sim, name, config);
        Self { route, machine, service: Arc::new(Mutex::new(service)) }
    }

    /// The server as a process sees it.
    #[must_use]
    pub fn link(&self, machine: &Machine, process: &Arc<SimTasks>) -> ServiceLink<S> {
        let client = Arc::new(self.route.client(machine, process));
        ServiceLink { client, service: Arc::clone(&self.service) }
    }

    /// Begins a trouble; gives the number to [`end`](Self::end) it by.
    #[must_use]
    pub fn begin(&self, trouble: RouteTrouble) -> u64 {
        self.route.begin(trouble)
    }

    /// Ends a trouble.
    pub fn end(&self, trouble: u64) {
        self.route.end(trouble);
    }

    /// Another server takes over: nothing is lost but answers.
    pub fn fail_over(&self) {
        self.route.fail_over();
        self.service.lock().fail_over();
    }

    /// The machine it runs on, whose wall clock may jump.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// What was asked so far.
    #[must_use]
    pub fn counts(&self) -> Routed {
        self.route.counts()
    }

    /// Looks at the service itself, as no process can.
    pub fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(&mut self.service.lock())
    }
}

/// A service as one process sees it.
pub struct ServiceLink<S> {
    client: Arc<Client>,
    service: Arc<Mutex<S>>,
}

impl<S> Clone for ServiceLink<S> {
    fn clone(&self) -> Self {
        Self { client: Arc::clone(&self.client), service: Arc::clone(&self.service) }
    }
}

impl<S: Service> ServiceLink<S> {
    /// Sends a request now, and waits for its answer.
    ///
    /// # Errors
    /// [`Lost`]: whether it was or will be carried out is not known, unless nobody listened.
    ///
    /// # Cancel safety
    /// Dropping the future loses only the answer.
    pub fn ask(&self, request: S::Request) -> BoxFuture<'static, Result<S::Answer, Lost>> {
        let service = Arc::clone(&self.service);
        let run = move || -> BoxFuture<'static, S::Answer> {
            Box::pin(async move { service.lock().apply(request) })
        };
        wait(&self.client, "request", run)
    }
}

/// What a future waits for: a value, or a waker.
enum Cell<T> {
    Empty(Option<Waker>),
    Full(T),
    Taken,
}

/// Asks the server of `client` to `run`, and waits for the answer.
pub(super) fn wait<R: Send + 'static>(
    client: &Arc<Client>,
    what: &'static str,
    run: impl FnOnce() -> BoxFuture<'static, R> + Send + 'static,
) -> BoxFuture<'static, Result<R, Lost>> {
    let cell = Arc::new(Mutex::new(Cell::Empty(None)));
    let filled = Arc::clone(&cell);
    client.ask(what, run, move |result| {
        let before = std::mem::replace(&mut *filled.lock(), Cell::Full(result));
        if let Cell::Empty(Some(waker)) = before {
            waker.wake();
        }
    });
    Box::pin(poll_fn(move |cx| {
        let mut cell = cell.lock();
        match std::mem::replace(&mut *cell, Cell::Taken) {
            Cell::Full(result) => Poll::Ready(result),
            Cell::Empty(_) | Cell::Taken => {
                *cell = Cell::Empty(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }))
}
