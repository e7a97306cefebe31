//! What functions are called with: numbers that are made up, and handles that were kept.

use super::{ARGUMENTS, Code};
use crate::made_up::types::{Core, Ty, offsets, payload_at};
use arbitrary::Result;
use std::fmt::Write;

/// A call in the making.
#[derive(Default)]
pub(super) struct Call {
    /// The slots of the handles that it takes. It is made if there is one in each.
    pub(super) slots: Vec<u32>,
    /// Whether it takes a handle that it takes already, or one that is not to be had.
    pub(super) is_impossible: bool,
    pub(super) stores: String,
    /// How much of the place for arguments is used.
    used: u32,
}

impl Code<'_, '_> {
    /// A value as numbers.
    pub(super) fn argument(&mut self, ty: &Ty, call: &mut Call) -> Result<Vec<(Core, String)>> {
        Ok(match ty {
            Ty::Number(8) => {
                let number = self.data.int_in_range(0..=70_000u64)?;
                vec![(Core::I64, format!("(i64.const {number})"))]
            }
            Ty::Number(bytes) => {
                let most = if *bytes == 1 { 0xff } else { 0xffff };
                let number = self.data.int_in_range(0..=most)?;
                vec![(Core::I32, format!("(i32.const {number})"))]
            }
            Ty::Own(_) | Ty::Borrow(_) => vec![(Core::I32, self.handle(ty, call)?)],
            Ty::List(element) => {
                let (at, count) = self.list(element, call)?;
                let constant = |number| (Core::I32, format!("(i32.const {number})"));
                vec![constant(at), constant(count)]
            }
            Ty::Fields(fields) => {
                let mut flat = Vec::new();
                for field in fields {
                    flat.extend(self.argument(field, call)?);
                }
                flat
            }
            Ty::Cases(cases) => {
                let case = self.data.choose_index(cases.len())?;
                let mut flat = vec![(Core::I32, format!("(i32.const {case})"))];
                if let Some(payload) = &cases[case] {
                    flat.extend(self.argument(payload, call)?);
                }
                let mut flat = flat.into_iter();
                let joined = ty.flat().into_iter().map(|core| match (core, flat.next()) {
                    (Core::I64, Some((Core::I32, code))) => {
                        (core, format!("(i64.extend_i32_u {code})"))
                    }
                    (_, Some(flat)) => flat,
                    (_, None) => (core, format!("({}.const 0)", core.name())),
                });
                joined.collect()
            }
        })
    }

    /// A handle out of a slot.
    fn handle(&mut self, ty: &Ty, call: &mut Call) -> Result<String> {
        let (Ty::Own(resource) | Ty::Borrow(resource)) = ty else {
            unreachable!("{ty:?} is no handle");
        };
        let Some(slot) = self.slot(resource)? else {
            call.is_impossible = true;
            return Ok(String::new());
        };
        let is_own = matches!(ty, Ty::Own(_));
        // The same one may be lent twice, and not given away twice.
        let is_known = call.slots.contains(&slot);
        call.is_impossible |= is_known && is_own;
        if !is_known {
            call.slots.push(slot);
        }
        Ok(match is_own {
            true => format!("(call $take (i32.const {slot}))"),
            false => format!("(i32.load (i32.const {slot}))"),
        })
    }

    /// Where a list is, and how long it is.
    fn list(&mut self, element: &Ty, call: &mut Call) -> Result<(u32, u32)> {
        let most = if *element == Ty::Number(1) { 200 } else { 3 };
        let count = self.data.int_in_range(0..=most)?;
        call.used = call.used.next_multiple_of(8);
        let at = ARGUMENTS + call.used;
        call.used += element.size() * count;
        if *element == Ty::Number(1) {
            let letter = self.data.int_in_range(b'a'..=b'z')?;
            let _ = write!(
                call.stores,
                "(memory.fill (i32.const {at}) (i32.const {letter}) (i32.const {count})) "
            );
        } else {
            for number in 0..count {
                self.store(element, at + number * element.size(), call)?;
            }
        }
        Ok((at, count))
    }

    /// Puts a value into memory.
    fn store(&mut self, ty: &Ty, at: u32, call: &mut Call) -> Result<()> {
        match ty {
            Ty::List(element) => {
                let (list, count) = self.list(element, call)?;
                let _ = write!(
                    call.stores,
                    "(i32.store (i32.const {at}) (i32.const {list})) \
                     (i32.store offset=4 (i32.const {at}) (i32.const {count})) "
                );
            }
            Ty::Fields(fields) => {
                for (offset, field) in offsets(fields) {
                    self.store(field, at + offset, call)?;
                }
            }
            Ty::Cases(cases) => {
                let case = self.data.choose_index(cases.len())?;
                let _ = write!(
                    call.stores,
                    "(i32.store8 (i32.const {at}) (i32.const {case})) "
                );
                if let Some(payload) = &cases[case] {
                    self.store(payload, at + payload_at(cases), call)?;
                }
            }
            Ty::Number(_) | Ty::Own(_) | Ty::Borrow(_) => {
                let store = match ty.size() {
                    1 => "i32.store8",
                    2 => "i32.store16",
                    8 => "i64.store",
                    _ => "i32.store",
                };
                for (_, value) in self.argument(ty, call)? {
                    let _ = write!(call.stores, "({store} (i32.const {at}) {value}) ");
                }
            }
        }
        Ok(())
    }
}
