//! A few kinds with everything a kind can say.

use lazuli_core::kind::{Expected, Keyed, Kind, Kinds, List, Lock};
use lazuli_core::resource::ResourceType;

pub struct Table;

const fn expected(create: f64) -> Expected {
    Expected { create, update: 5.0, delete: 5.0 }
}

pub static KINDS: &[Kind] = &[
    Kind {
        name: "Test/networks",
        title: "virtual network",
        unordered: &["properties.space"],
        expected: expected(10.0),
        ..Kind::GENERAL
    },
    Kind {
        name: "Test/networks/subnets",
        title: "subnet",
        forces_replacement: &["properties.prefix"],
        lock: Lock::Parent,
        list: List::InParent("properties.subnets"),
        ..Kind::GENERAL
    },
    Kind {
        name: "Test/groups",
        title: "security group",
        keyed: &[
            Keyed { path: "properties.rules", key: "name", shared: true },
            Keyed { path: "properties.own", key: "name", shared: false },
        ],
        ignore_case: &["properties.rules.direction"],
        ..Kind::GENERAL
    },
    Kind {
        name: "Test/machines",
        title: "virtual machine",
        forces_replacement: &[
            "location",
            "properties.image",
            "properties.disks.source",
            "properties.profile.admin",
        ],
        write_only: &["properties.password"],
        keyed: &[Keyed { path: "properties.disks", key: "lun", shared: false }],
        expected: expected(60.0),
        ..Kind::GENERAL
    },
    Kind {
        name: "Test/grants",
        title: "role assignment",
        forces_replacement: &["properties.principal"],
        ..Kind::GENERAL
    },
    Kind {
        name: "Test/things",
        title: "thing",
        forces_replacement: &["properties.fixed"],
        unordered: &["properties.bag"],
        ..Kind::GENERAL
    },
];

impl Kinds for Table {
    fn kind(&self, ty: &ResourceType) -> &Kind {
        KINDS.iter().find(|kind| *kind.name == *ty.name).unwrap_or(&Kind::GENERAL)
    }
}
