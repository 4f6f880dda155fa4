//! Every case of every subject that it is for, as a test of its own: `on_rocket::h02_scheme_in_lower_case`. The tables in
//! `src/cases` and the frameworks in `src/apps/mod.rs` are the only lists of them.

use std::collections::BTreeSet;

use libtest_mimic::{Arguments, Trial};
use rampart_conformance::apps::{FRAMEWORKS, subjects};
use rampart_conformance::cases::ALL;
use rampart_conformance::subject::check;

fn main() {
    let cases = subjects().flat_map(|subject| {
        let asked = ALL.iter().filter(move |case| subject.is_asked(case));
        asked.map(move |case| {
            Trial::test(format!("on_{}::{}", subject.name(), case.name), move || {
                check(subject, case);
                Ok(())
            })
        })
    });
    let table = Trial::test("every_case_is_listed_once", || {
        every_case_is_listed_once();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), cases.chain([table]).collect()).exit();
}

/// No two cases have one name, each is for somebody, and none excepts a framework that is not there.
fn every_case_is_listed_once() {
    let mut names = BTreeSet::new();
    for case in ALL.iter() {
        assert!(names.insert(case.name), "two cases are called {}", case.name);
        assert!(subjects().any(|subject| subject.is_asked(case)), "{} is for nobody", case.name);
        for exception in &case.exceptions {
            let is_there = FRAMEWORKS.iter().any(|framework| framework.name == exception.framework);
            assert!(is_there, "{}: there is no framework {}", case.name, exception.framework);
        }
    }
}
