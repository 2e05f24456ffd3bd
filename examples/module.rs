//! A module of the host: state shared by all processes, functions that answer at once and functions that wait, objects that
//! are given back when their process ends.
//!
//! `cargo run --example module`

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moonlet::module::{
    Class, ErrorData, INVALID, Library, Module, ModuleClass, NOT_FOUND, New, Object, Result, async_function, function,
    method,
};
use moonlet::{Data, Runtime};

/// The module `parking`: a car park that programs reserve places in.
#[derive(Default)]
struct Parking {
    places: Arc<Mutex<BTreeMap<String, u32>>>,
}

static LIBRARY: Library = Library {
    name: "parking",
    global: false,
    natives: &[function("open", open), function("free", free), async_function("reserve", reserve)],
    constants: &[],
};

impl Module for Parking {
    fn libraries(&self) -> Vec<&'static Library> {
        vec![&LIBRARY]
    }

    fn classes(&self) -> &'static [ModuleClass] {
        &[ModuleClass::Nondeterministic]
    }
}

/// A place that a process holds.
struct Place {
    level: String,
    places: Arc<Mutex<BTreeMap<String, u32>>>,
    held: Mutex<bool>,
}

static PLACE: Class =
    Class { name: "parking.Place", methods: &[method("level", level), method("leave", leave)], metamethods: &[] };

impl Object for Place {
    fn class() -> &'static Class {
        &PLACE
    }

    fn release(&self) {
        if std::mem::take(&mut *self.held.lock().expect("no method panics")) {
            *self.places.lock().expect("no function panics").entry(self.level.clone()).or_default() += 1;
        }
    }
}

fn open(parking: &Parking, (level, places): (String, u32)) -> Result<()> {
    parking.places.lock().expect("no function panics").insert(level, places);
    Ok(())
}

fn free(parking: &Parking, (): ()) -> Result<Data> {
    let places = parking.places.lock().expect("no function panics");
    Ok(Data::Map(places.iter().map(|(level, free)| (level.as_str().into(), (*free).into())).collect()))
}

/// Drives to the level, which takes time, and takes a place there. No thread waits meanwhile.
async fn reserve(parking: Arc<Parking>, (level, milliseconds): (String, Option<u64>)) -> Result<New<Place>> {
    tokio::time::sleep(Duration::from_millis(milliseconds.unwrap_or(1))).await;
    let places = Arc::clone(&parking.places);
    match places.lock().expect("no function panics").get_mut(&level) {
        None => return Err(ErrorData::plain(NOT_FOUND, &format!("there is no level {level}"))),
        Some(0) => return Err(ErrorData::plain(INVALID, &format!("level {level} is full"))),
        Some(free) => *free -= 1,
    }
    Ok(New(Place { level, places, held: Mutex::new(true) }))
}

fn level(place: &Place, (): ()) -> Result<String> {
    Ok(place.level.clone())
}

fn leave(place: &Place, (): ()) -> Result<()> {
    place.release();
    Ok(())
}

/// Its process takes both places of a level; the second is left behind when it ends.
const VISITOR: &str = r#"
    local parking = require "parking"
    return function(level)
        parking.open(level, 2)
        local first, second = parking.reserve(level), parking.reserve(level, 5)
        local nothing, err = parking.reserve(level)
        assert(nothing == nil and err:kind() == errors.INVALID)
        first:leave()
        return { level = second:level(), message = err:message(), free = parking.free() }
    end
"#;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let parking = Parking::default();
    let places = Arc::clone(&parking.places);
    let runtime = Runtime::builder().module(parking).entry("app:visitor", VISITOR).build()?;
    let visitors = ["red", "blue"].map(|level| runtime.spawn("app:visitor", (level,)));
    for visitor in visitors {
        let seen = visitor?.wait()?;
        let text = |key| seen.get(key).and_then(Data::as_str).unwrap_or_default();
        println!("{}: {}", text("level"), text("message"));
    }
    // Both processes have ended, and with them what they held.
    assert!(places.lock().expect("no function panics").values().all(|free| *free == 2));
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs() {
        super::main().expect("the example runs");
    }
}
