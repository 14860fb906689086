use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn written(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join(FILE);
    write_atomic(&path, text.as_bytes()).unwrap();
    path
}

#[test]
fn remarks_and_what_is_not_changed_stay_as_a_person_wrote_them() {
    let folder = folder();
    let path = written(
        &folder,
        "# mine\n[account.main] # production\nauth = \"client_secret\"\ntenant_id = \"t\"   # ask Ada\nclient_id = 'c'\n\
         secret = { env = \"OLD\" } # rotated in May\n\n[account.other]\nauth = 'azure_cli'\n",
    );
    Registry::change(&path, |registry| {
        let mut entry = registry.find("main")?;
        entry.fields.insert("tenant_id", "u".to_owned());
        entry.fields.insert("environment", "china".to_owned());
        entry.secret = Some(Given::Command(vec!["pass".to_owned(), "show".to_owned(), "azure".to_owned()]));
        registry.put("main", &entry);
        registry.put("new", &Entry::default());
        Ok(())
    })
    .unwrap();
    insta::assert_snapshot!(std::fs::read_to_string(&path).unwrap());
    let again = Registry::read(&path).unwrap();
    assert_eq!(again.names(), ["main", "new", "other"]);
    assert_eq!(again.find("main").unwrap().get("environment"), Some("china"));
}

#[test]
fn what_cannot_be_understood_is_refused_without_showing_it() {
    let cases = [
        ("[account.main]\nsecret = \"hunter2\"\n", "must be one of"),
        ("[account.main]\nsecret = { env = 3 }\n", "must be one of"),
        ("[account.main]\nsecret = { env = \"A\", file = \"B\" }\n", "must be one of"),
        ("[account.main]\nsecret = { command = [] }\n", "must be one of"),
        ("[account.main]\nclient_secret = \"hunter2\"\n", "there is no `client_secret`"),
        ("[account.main]\ntennant_id = \"hunter2\"\n", "did you mean `tenant_id`?"),
        ("[account.main]\ntenant_id = 3\n", "`tenant_id` must be a text"),
        ("account.main = \"hunter2\"\n", "it is no table"),
        ("[account.main]\nsecret = hunter2\n", "is not TOML at line 2"),
    ];
    let folder = folder();
    for (text, expected) in cases {
        let path = written(&folder, text);
        let said = Registry::read(&path).and_then(|registry| registry.find("main")).unwrap_err().message;
        assert!(said.contains(expected) && !said.contains("hunter2"), "{text}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_registry_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let path = folder.path().join("deeper").join(FILE);
    Registry::change(&path, |registry| {
        registry.put("main", &Entry::default());
        Ok(())
    })
    .unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    for lax in [0o640, 0o604, 0o660, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(lax)).unwrap();
        let said = Registry::read(&path).unwrap_err();
        assert!(said.message.contains(&format!("{lax:04o}")), "{said:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link() {
    let folder = folder();
    let real = folder.path().join("dotfiles.toml");
    write_atomic(&real, b"").unwrap();
    let path = folder.path().join(FILE);
    std::os::unix::fs::symlink(&real, &path).unwrap();
    Registry::change(&path, |registry| {
        registry.put("main", &Entry::default());
        Ok(())
    })
    .unwrap();
    assert!(std::fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(Registry::read(&real).unwrap().names(), ["main"]);
}

#[test]
fn two_writers_do_not_lose_each_others_accounts() {
    let folder = folder();
    let path = folder.path().join(FILE);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                Registry::change(path, |registry| {
                    registry.put(&format!("a{number}"), &Entry::default());
                    Ok(())
                })
                .unwrap();
            });
        }
    });
    assert_eq!(Registry::read(&path).unwrap().names().len(), 8);
}

#[test]
fn a_change_that_fails_leaves_the_file_alone() {
    let folder = folder();
    let path = written(&folder, "# mine\n");
    let refused: Result<(), _> = Registry::change(&path, |registry| {
        registry.put("main", &Entry::default());
        Err(Box::new(registry.unknown("other")))
    });
    assert!(refused.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "# mine\n");
}

#[test]
fn the_folder_is_the_one_that_is_said_else_the_systems() {
    let of = |pairs: &'static [(&str, &str)]| {
        path(&move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    };
    assert_eq!(of(&[("LAZULI_CONFIG_DIR", "/c"), ("HOME", "/h")]), Some("/c/accounts.toml".into()));
    assert_eq!(of(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]), Some("/x/lazuli/accounts.toml".into()));
    assert_eq!(of(&[("HOME", "/h")]), Some("/h/.config/lazuli/accounts.toml".into()));
    assert_eq!(of(&[]), None);
}

#[test]
fn names_need_no_quoting_anywhere() {
    for (name, expected) in [
        ("main", true),
        ("prod-eu_2", true),
        ("", false),
        ("2nd", false),
        ("a b", false),
        ("a.b", false),
        ("-x", false),
    ] {
        assert_eq!(is_name(name), expected, "{name:?}");
    }
}
