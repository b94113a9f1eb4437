use std::future::poll_fn;
use std::pin::Pin;

use tenure_types::CallError;

use crate::cell::CallCell;
use crate::host::CallHead;
use crate::{
    ActorRef, Answered, AppProblem, Arguments, Delivered, Handler, Invocation, Invoked, Message,
    decode_json, decode_named, decode_query,
};

/// Parses the arguments of `M` and makes the call: the value of [`Method::invoke`](crate::Method::invoke).
///
/// # Errors
/// `BadRequest` when the arguments do not fit.
pub fn invoke<A: Handler<M>, M: Arguments>(invocation: Invocation<'_>) -> Invoked {
    let message = match invocation.query {
        Some(query) => decode_query::<M>(query)?,
        None => decode_json::<M>(invocation.body)?,
    };
    let mut call = ActorRef::<A>::new(invocation.host, invocation.key).call(message);
    if let Some(deadline) = invocation.deadline {
        call = call.deadline(deadline);
    }
    if let Some(key) = invocation.idempotency_key {
        call = call.idempotency_key(key);
    }
    if invocation.durable {
        call = call.durable();
    }
    if let Some(receipt) = invocation.receipt {
        call = call.receipt(receipt);
    }
    if let Some(after) = invocation.after {
        return Ok(Box::pin(async move {
            call.after(after).send().await.map_err(CallError::widen)?;
            Ok(Answered::default())
        }));
    }
    if invocation.one_way {
        return Ok(Box::pin(async move {
            call.send().await.map_err(CallError::widen)?;
            Ok(Answered::default())
        }));
    }
    Ok(Box::pin(async move {
        let mut future = call.into_future();
        let reply = poll_fn(|cx| Pin::new(&mut future).poll(cx)).await;
        let reply = reply.map_err(|e| {
            let replayed = future.was_replayed();
            e.map_app(|error| AppProblem { replayed, ..AppProblem::new(&error) })
        })?;
        let json = serde_json::to_vec(&reply).map_err(|error| CallError::Panicked {
            detail: format!("the reply cannot be written as JSON: {error}").into(),
        })?;
        Ok(Answered { json, replayed: future.was_replayed() })
    }))
}

/// Makes a call of a message that is encoded as `codec` says: the value of
/// [`Method::deliver`](crate::Method::deliver).
///
/// # Errors
/// [`CodecError`](crate::CodecError) when the bytes are no message of this method.
pub fn deliver<A: Handler<M>, M: Message>(head: CallHead, codec: u8, body: &[u8]) -> Delivered {
    let message: M = decode_named(codec, body)?;
    Ok(CallCell::<A, M>::new(head, message))
}
