//! Temporary.
use rampart_tests::case::Expected;
use rampart_tests::subject::Subject;
fn main(){
  if std::env::args().len() > 1 {
    for c in rampart_tests::cases::ALL.iter(){ 
        if !matches!(c.expected, Expected::NoHandler(_)) && c.exceptions.is_empty() { continue }
        let st = |o: rampart_tests::subject::Outcome| (o.reply.map_or(0, |r| r.status), o.handled);
        println!("{} axum {:?} actix {:?} rocket {:?}", c.name, st(rampart_tests::apps::axum::Axum::answer(c)), st(rampart_tests::apps::actix::Actix::answer(c)), st(rampart_tests::apps::rocket::Rocket::answer(c)));
    }
    return
  }
  for c in rampart_tests::cases::ALL.iter(){ println!("{:?} {}", c.reach, c.name);} }
