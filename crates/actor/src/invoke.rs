use tenure_types::CallError;

use crate::{
    ActorRef, AppProblem, Arguments, Handler, Invocation, Invoked, decode_json, decode_query,
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
    if invocation.one_way {
        return Ok(Box::pin(async move {
            call.send().await.map_err(CallError::widen)?;
            Ok(Vec::new())
        }));
    }
    Ok(Box::pin(async move {
        let reply = call.await.map_err(|e| e.map_app(|error| AppProblem::new(&error)))?;
        serde_json::to_vec(&reply).map_err(|error| CallError::Panicked {
            detail: format!("the reply cannot be written as JSON: {error}").into(),
        })
    }))
}
