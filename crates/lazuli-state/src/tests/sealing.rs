use super::sample::{SECRET, backend, done, keys, options, passphrase, resource, run, secretive};
use crate::key::Header;
use crate::seal::{Context, open, peek};
use crate::{KeySources, Sealer};

fn context() -> Context {
    Context { what: "plan".into(), format_version: 1, lineage: "l".into(), serial: 7 }
}

#[test]
fn a_sealed_file_says_what_it_is_and_opens_only_whole() {
    let folder = tempfile::tempdir().unwrap();
    let sealer = Sealer::create(&keys(folder.path())).unwrap();
    let mut file = sealer.seal(SECRET.as_bytes(), &context()).unwrap();
    assert_eq!(peek(&file).unwrap().0, context());
    assert_eq!(open(&file, &keys(folder.path())).unwrap(), (context(), SECRET.as_bytes().to_vec()));
    assert_ne!(file, sealer.seal(SECRET.as_bytes(), &context()).unwrap(), "a fresh nonce each time");
    for place in 0..file.len() {
        file[place] ^= 1;
        assert!(open(&file, &keys(folder.path())).is_err(), "byte {place}");
        file[place] ^= 1;
    }
    assert!(open(&file[..file.len() - 1], &keys(folder.path())).is_err());
}

#[test]
fn a_state_without_secrets_has_no_header_and_needs_no_key() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, resource("a"))]);
    assert!(!folder.path().join("keys").exists());
    backend(folder.path()).read(KeySources::default()).unwrap();
    run(folder.path(), vec![done(0, secretive("b"))]);
    let error = backend(folder.path()).read(KeySources::default()).unwrap_err();
    assert_eq!(error.code(), "LZ2005");
}

#[test]
fn another_key_is_told_from_a_missing_one_and_none_is_made_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), vec![done(0, secretive("a"))]);
    let key = folder.path().join("keys/state.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    let error = backend(folder.path()).open(options(keys(folder.path())), None).unwrap_err();
    assert_eq!(error.code(), "LZ2005");
    assert!(!key.exists());
    std::fs::write(&key, [b'x'; 40]).unwrap();
    let error = backend(folder.path()).read(keys(folder.path())).unwrap_err();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(error.code(), "LZ2010", "others can read it");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let error = backend(folder.path()).read(keys(folder.path())).unwrap_err();
    assert_eq!(error.to_string(), "the user's own key is not the one this was encrypted with");
    std::fs::write(&key, kept).unwrap();
    backend(folder.path()).read(keys(folder.path())).unwrap();
}

#[test]
fn a_passphrase_goes_before_a_key_file_and_the_header_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let both = KeySources { key_file: Some(file.clone()), ..passphrase("correct horse") };
    let mut state = backend(folder.path()).open(options(both), None).unwrap();
    super::sample::append(&mut state, vec![done(0, secretive("a"))]);
    state.commit().unwrap();
    drop(state);
    assert!(backend(folder.path()).wants_passphrase().unwrap());
    let only_file = KeySources { key_file: Some(file.clone()), ..KeySources::default() };
    assert_eq!(backend(folder.path()).read(only_file.clone()).unwrap_err().code(), "LZ2005");
    assert_eq!(backend(folder.path()).read(passphrase("wrong")).unwrap_err().code(), "LZ2006");
    let world = backend(folder.path()).read(passphrase("correct horse")).unwrap().world;
    assert_eq!(world.resources[&super::sample::address("a")], secretive("a"));

    let sealer = Sealer::create(&only_file).unwrap();
    let sealed = sealer.seal_bytes(b"x", b"context").unwrap();
    let again = Sealer::open(sealer.header(), &only_file).unwrap();
    assert_eq!(again.open_bytes(&sealed, b"context").unwrap(), b"x");
    assert!(again.open_bytes(&sealed, b"another").is_none());
    std::fs::write(&file, "short").unwrap();
    assert_eq!(Sealer::create(&only_file).unwrap_err().code(), "LZ2010");
}

#[test]
fn a_header_that_asks_for_the_whole_memory_is_refused() {
    let text = r#"{"cipher":"aes-256-gcm","key":"passphrase","memory_kib":4294967295,"passes":1,"salt":"AAAA","check":""}"#;
    let header: Header = serde_json::from_str(text).unwrap();
    assert_eq!(Sealer::open(&header, &passphrase("x")).unwrap_err().code(), "LZ2012");
}

#[test]
fn keys_never_show_in_debug_output() {
    let sources = passphrase(SECRET);
    assert!(!format!("{sources:?}").contains(SECRET));
}
