//! The end of a worker: what has begun to leave is brought to its end, and nothing begins any more.

use std::sync::Arc;

use tokio::sync::watch;

/// Counts what is under way.
pub(crate) struct Gate(Arc<watch::Sender<State>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    closed: bool,
    under_way: usize,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }
}

/// Something is under way until this is dropped.
pub(crate) struct Pass(Arc<watch::Sender<State>>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.under_way = state.under_way.saturating_sub(1));
    }
}

impl Gate {
    /// Lets something begin; once the gate is closed, never again.
    pub(crate) async fn enter(&self) -> Pass {
        let entered = self.0.send_if_modified(|state| {
            state.under_way += usize::from(!state.closed);
            !state.closed
        });
        if !entered {
            std::future::pending::<()>().await;
        }
        Pass(self.0.clone())
    }

    /// `true` once nothing may begin.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.borrow().closed
    }

    /// Lets nothing begin from now on, and waits for what is under way.
    pub(crate) async fn close(&self) {
        self.0.send_modify(|state| state.closed = true);
        let mut state = self.0.subscribe();
        // Its sender is here.
        let _ = state.wait_for(|state| state.under_way == 0).await;
    }
}
