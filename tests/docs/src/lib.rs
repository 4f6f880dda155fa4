//! The documentation under test. The examples of the pages that need several crates of the workspace are compiled here, and run
//! where they can; what the pages say of each other and of the code is held against both by the tests beside.

#[cfg(doctest)]
mod pages;
