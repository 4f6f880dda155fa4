//! The stores on a real server, and on one that fails in every way.

#![cfg(test)]

mod common;

mod birth;
mod connecting;
mod memory;
mod outages;
mod replicas;
mod revocations;
mod settings;
mod spending;
