//! What is run on machines through Azure: extensions and commands.

use lazuli_core::kind::Kind;

use super::{BELOW, NETWORK_CODES, read_only, seconds};

pub(super) static KINDS: &[Kind] = &[
    Kind {
        name: "Microsoft.Compute/virtualMachines/extensions",
        title: "virtual machine extension",
        forces_replacement: &["location", "properties.publisher", "properties.type"],
        write_only: &["properties.protectedSettings"],
        ignore_case: &["properties.publisher", "properties.type"],
        expected: seconds(60.0, 60.0, 30.0),
        accepts: NETWORK_CODES,
        ..BELOW
    },
    Kind {
        name: "Microsoft.Compute/virtualMachines/runCommands",
        title: "run command",
        forces_replacement: &["location"],
        write_only: &["properties.protectedParameters", "properties.runAsPassword"],
        read_only: read_only!["properties.instanceView"],
        keyed: &[super::owned("properties.parameters", "name")],
        expected: seconds(30.0, 30.0, 15.0),
        accepts: NETWORK_CODES,
        ..BELOW
    },
];
