//! Writes down what functions give, as its type says.

use super::Code;
use crate::made_up::types::{Ty, offsets, payload_at, tag};
use std::fmt::Write;

impl Code<'_, '_> {
    /// The number of the function that writes down a value in memory.
    pub(super) fn written(&mut self, ty: &Ty) -> usize {
        if let Some(known) = self.written.iter().position(|it| it == ty) {
            return known;
        }
        let number = self.written.len();
        self.written.push(ty.clone());
        let body = self.writing(ty, 0);
        let size = ty.size();
        let _ = writeln!(
            self.text,
            "(func $write-{number} (param $at i32) {body})\n\
             (func $write-all-{number} (param $at i32) (param $count i32)\n  \
             (call $put (i64.extend_i32_u (local.get $count)) (i32.const 4))\n  \
             (block $end (loop $next (br_if $end (i32.eqz (local.get $count)))\n    \
             (call $write-{number} (local.get $at))\n    \
             (local.set $at (i32.add (local.get $at) (i32.const {size})))\n    \
             (local.set $count (i32.sub (local.get $count) (i32.const 1)))\n    \
             (br $next))))"
        );
        number
    }

    /// Writes down what is so far behind `$at`.
    fn writing(&mut self, ty: &Ty, offset: u32) -> String {
        let at = format!("offset={offset} (local.get $at)");
        let put = |bytes: u32| {
            let load = match bytes {
                1 => "i64.load8_u",
                2 => "i64.load16_u",
                4 => "i64.load32_u",
                _ => "i64.load",
            };
            format!("(call $put ({load} {at}) (i32.const {bytes})) ")
        };
        match ty {
            Ty::Number(bytes) => put(*bytes),
            Ty::Own(resource) | Ty::Borrow(resource) => match self.place(resource) {
                Some((_, drop)) => format!("(call $keep-{drop} (i32.load {at})) "),
                None => String::new(),
            },
            Ty::List(element) => {
                let number = self.written(element);
                let count = offset + 4;
                format!(
                    "(call $write-all-{number} (i32.load {at}) \
                     (i32.load offset={count} (local.get $at))) "
                )
            }
            Ty::Fields(fields) => offsets(fields)
                .map(|(at, field)| self.writing(field, offset + at))
                .collect(),
            Ty::Cases(cases) => {
                let mut text = put(tag(cases));
                for (number, case) in cases.iter().enumerate() {
                    let Some(payload) = case else { continue };
                    let payload = self.writing(payload, offset + payload_at(cases));
                    let _ = write!(
                        text,
                        "(if (i32.eq (i32.load8_u {at}) (i32.const {number})) (then {payload})) "
                    );
                }
                text
            }
        }
    }
}
