//! A service of one's own on a cluster of Tenure: no actors, only the question who owns a key.
//!
//! Each user has a signing key that lives for ten minutes, on one node, in memory and nowhere else. `POST
//! /users/ann/token` gives a token that the key has signed, `POST /users/ann/check` says whether one is good. Any node
//! takes any request: the one that owns the user answers, the others pass it on, once. A node that dies takes its keys
//! with it: their users ask for new tokens, and another node makes new keys.
//!
//! [`keys`] knows nothing of nodes, [`service`] is the part that a service like this one would copy.

pub mod keys;
pub mod service;
