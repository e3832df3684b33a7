//! Starts claimed attempts, as many at once as there are slots.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use crate::attempt;
use crate::live::Live;
use crate::parts::Parts;

/// Attempts that are begun before other tasks of the runtime get their turn.
const TURN: usize = 256;

pub async fn run(parts: Arc<Parts>) {
    loop {
        if turn(&parts) > 0 {
            parts.pokes.room.notify_one();
            tokio::task::yield_now().await;
        } else {
            parts.pokes.runner.notified().await;
        }
    }
}

/// Begins attempts as long as there are slots; those of attempts that end on the spot are used again. Returns how many.
fn turn(parts: &Arc<Parts>) -> usize {
    let mut count = 0;
    while count < TURN {
        let begun = parts.desk.take(parts.config.capacity, TURN - count, |ticket| Live::begin(parts, ticket));
        if begun.is_empty() {
            break;
        }
        count += begun.len();
        begun.into_iter().for_each(begin);
    }
    count
}

/// Begins an attempt. Handlers are polled once on the spot: one that is ready at once needs no task of its own, which
/// would cost more than its work.
fn begin(live: Arc<Live>) {
    let operation = live.node().and_then(|node| node.action.operation.as_deref());
    let is_handler = operation.is_some_and(|operation| live.parts.executors.handlers.get(operation).is_some());
    let mut carry: Pin<Box<_>> = Box::pin(attempt::carry(Arc::clone(&live)));
    if is_handler {
        // Nobody is woken by this poll: the first one in the new task looks again.
        if carry.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        live.announce(None);
    }
    live.adopt(tokio::spawn(carry).abort_handle());
}
