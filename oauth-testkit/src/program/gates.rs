//! Gates by name.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::gate::Gate;
use crate::sync::lock;

#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<BTreeMap<String, Gate>>);

impl Gates {
    /// The gate of this name, which is closed if there was none.
    pub(super) fn named(&self, name: &str) -> Gate {
        lock(&self.0).entry(name.to_owned()).or_default().clone()
    }

    /// Whether there is a gate of this name.
    pub(super) fn open(&self, name: &str) -> bool {
        let gate = lock(&self.0).get(name).cloned();
        if let Some(gate) = &gate {
            gate.open();
        }
        gate.is_some()
    }

    /// Opens the gate of this name and forgets it, so that the next one of the name is closed. Whether there was one.
    pub(super) fn forget(&self, name: &str) -> bool {
        let gate = lock(&self.0).remove(name);
        if let Some(gate) = &gate {
            gate.open();
        }
        gate.is_some()
    }

    /// Each name, and whether its gate is open.
    pub(super) fn all(&self) -> Vec<(String, bool)> {
        let gates = lock(&self.0);
        let known = gates.iter();
        known
            .map(|(name, gate)| (name.clone(), gate.is_open()))
            .collect()
    }

    /// Opens all of them and forgets their names.
    pub(super) fn reset(&self) {
        let gates = std::mem::take(&mut *lock(&self.0));
        gates.values().for_each(Gate::open);
    }
}
