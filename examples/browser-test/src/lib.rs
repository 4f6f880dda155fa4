//! Means to try the page of the axum Task API in a real Chromium.
//!
//! `cargo test --manifest-path examples/browser-test/Cargo.toml` needs `chromium` and `chromedriver` (on Debian the packages
//! `chromium` and `chromium-driver`; the variables `CHROMIUM` and `CHROMEDRIVER` name others). It builds and starts the example by
//! itself, and ends all that it has started.
//!
//! - [`api`]: the example, as a program of its own;
//! - [`browser`]: Chromium and its driver;
//! - [`files`]: the page's files on another origin;
//! - [`page`]: what a user does on the page, and sees there.

pub mod api;
pub mod browser;
pub mod files;
pub mod page;
