//! Answers that are lost on the way: what was asked has happened, and is not done twice.

use std::time::Duration;

use azure_core::http::Method;

use crate::service::{Lab, append, done, intent, keys, names, options};

#[test]
fn an_append_whose_answer_is_lost_is_in_the_journal_once() {
    let Some(lab) = Lab::new("lost-append") else { return };
    let network = lab.network();
    let mut state = lab.backend_over(network.clone()).open(options(Duration::ZERO), None).unwrap();
    append(&mut state, vec![intent(0, "a")]).unwrap();
    network.lose_answer(Method::Put, "comp=appendblock");
    append(&mut state, vec![done(0, "a")]).unwrap();
    assert!(network.all_lost());
    append(&mut state, vec![intent(1, "b")]).unwrap();
    drop(state);
    let left = lab.open();
    assert_eq!(left.leftover().unwrap().records, 3);
    assert_eq!(left.unfinished().len(), 1);
}

#[test]
fn every_other_write_survives_the_loss_of_its_answer() {
    let Some(lab) = Lab::new("lost-writes") else { return };
    let network = lab.network();
    let backend = lab.backend_over(network.clone());
    network.lose_answer(Method::Put, "acquire");
    network.lose_answer(Method::Put, "acquire");
    network.lose_answer(Method::Put, "comp=metadata");
    network.lose_answer(Method::Put, ".lineage");
    let mut state = backend.open(options(Duration::ZERO), None).unwrap();
    assert!(network.all_lost());
    append(&mut state, vec![intent(0, "a"), done(0, "a")]).unwrap();
    network.lose_answer(Method::Put, "BlockBlob"); // the state
    network.lose_answer(Method::Put, "AppendBlob"); // the journal made empty
    assert_eq!(state.commit().unwrap().serial, 1);
    assert!(network.all_lost());
    append(&mut state, vec![intent(0, "b"), done(0, "b")]).unwrap();
    network.lose_answer(Method::Put, ".backup.1");
    let backup = state.commit().unwrap().backup.unwrap();
    assert!(network.all_lost());
    assert!(backup.to_str().unwrap().ends_with(".backup.1"), "{backup:?}");
    drop(state);
    assert_eq!(names(&lab.backend().read(keys()).unwrap().world), ["resource.a", "resource.b"]);
}
