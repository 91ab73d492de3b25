//! What is run, what is not, and why: chained real runs of toy nodes.
//!
//! A test is a chain: make files and a pipeline, run, say what must have happened, change something, run again.

mod choice;
mod damage;
mod disk;
mod failures;
mod forecast;
mod foreign;
mod hits;
mod interruption;
mod kinds;
mod kit;
mod links;
mod lock;
mod prune;
mod sweep;

#[path = "../kit/mod.rs"]
mod shared;
