use std::collections::VecDeque;

/// What may wait to be written to one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxBounds {
    /// Messages.
    pub messages_max: usize,
    /// Bytes of them.
    pub bytes_max: usize,
}

/// The client takes less than it is sent: it is to be disconnected, and to come back to where it
/// was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow;

/// What waits to be written to one client, oldest first.
#[derive(Debug)]
pub struct Outbox<M> {
    messages: VecDeque<(M, usize)>,
    bytes: usize,
}

impl<M> Default for Outbox<M> {
    fn default() -> Self {
        Self { messages: VecDeque::new(), bytes: 0 }
    }
}

impl<M> Outbox<M> {
    /// Puts a message of `bytes` bytes behind the others. A single message of any size is taken
    /// where nothing waits.
    ///
    /// # Errors
    /// [`Slow`] past a bound; nothing was put then.
    pub fn push(&mut self, message: M, bytes: usize, bounds: OutboxBounds) -> Result<(), Slow> {
        let is_over = self.messages.len() >= bounds.messages_max
            || self.bytes.saturating_add(bytes) > bounds.bytes_max;
        if is_over && !self.messages.is_empty() {
            return Err(Slow);
        }
        self.messages.push_back((message, bytes));
        self.bytes += bytes;
        Ok(())
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<M> {
        let (message, bytes) = self.messages.pop_front()?;
        self.bytes -= bytes;
        if self.messages.is_empty() {
            // A burst leaves no memory behind.
            self.messages = VecDeque::new();
        }
        Some(message)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Bytes that wait.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_in_order_and_past_a_bound_none_is_taken() {
        let bounds = OutboxBounds { messages_max: 3, bytes_max: 10 };
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(0, 99, bounds), Ok(()), "a large one alone is taken");
        assert_eq!(outbox.push(1, 1, bounds), Err(Slow), "too many bytes");
        assert_eq!((outbox.pop(), outbox.bytes()), (Some(0), 0));
        for message in 1..=3 {
            assert_eq!(outbox.push(message, 3, bounds), Ok(()));
        }
        assert_eq!(outbox.push(4, 0, bounds), Err(Slow), "too many messages");
        assert_eq!(outbox.bytes(), 9);
        assert_eq!(
            [outbox.pop(), outbox.pop(), outbox.pop(), outbox.pop()],
            [Some(1), Some(2), Some(3), None]
        );
        assert!(outbox.is_empty());
    }
}
