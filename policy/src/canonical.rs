//! The one text that a policy has, whatever its file looked like.

use crate::{DenyRule, Operation, Policy, Protocol};
use core::fmt::Write;

impl Policy {
    /// The policy as a policy file in canonical form: every setting written out, nothing else.
    ///
    /// Two policies that decide alike have the same text, and the text read as a file gives the
    /// same policy.
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write!(
            text,
            "schema = 1\n\n[policy]\ndeny-as = \"{}\"\ndeny-at = \"{}\"\nlog = \"none\"\n\n\
             [dns]\nmode = \"{}\"\ndeny-as = \"{}\"\n",
            self.deny_as,
            self.deny_at,
            self.dns_mode.name(),
            self.resolve_denial(),
        );
        for rule in self.canonical_rules() {
            text.push_str("\n[[deny]]\nop = [");
            for (i, operation) in rule.operations.iter().enumerate() {
                let comma = if i == 0 { "" } else { ", " };
                let _ = write!(text, "{comma}\"{operation}\"");
            }
            text.push_str("]\n");
            if let Some(protocol) = rule.protocol {
                let _ = writeln!(text, "proto = \"{protocol}\"");
            }
            let _ = writeln!(
                text,
                "to = \"*\"\nport = \"*\"\ndeny-as = \"{}\"",
                rule.deny_as
            );
        }
        text
    }

    /// A rule for each operation that does not end as the default says, split by protocol only
    /// where the two differ.
    fn canonical_rules(&self) -> Vec<DenyRule> {
        let mut rules = Vec::new();
        let sockets = Operation::ALL
            .into_iter()
            .filter(|op| *op != Operation::Resolve);
        for operation in sockets {
            let [tcp, udp] = Protocol::ALL.map(|protocol| self.denial(operation, protocol));
            let split = tcp != udp;
            for (protocol, deny_as) in [(Protocol::Tcp, tcp), (Protocol::Udp, udp)] {
                if deny_as != self.deny_as && (split || protocol == Protocol::Tcp) {
                    rules.extend(DenyRule::new(
                        [operation],
                        split.then_some(protocol),
                        deny_as,
                    ));
                }
            }
        }
        rules
    }
}
