//! What the browser has by name: for the few things of it that are asked for once a page, a binding of their own would be in
//! everybody's download.

use js_sys::{Array, Function, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast as _, JsValue};

/// A property; undefined where there is none.
pub fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Something that every script sees, such as `navigator`; undefined where this browser has no such thing.
pub fn global(name: &str) -> JsValue {
    get(&window(), name)
}

/// Sets a property. What refuses that is left as it is.
pub fn set(of: &JsValue, name: &str, value: impl Into<JsValue>) {
    // An object of the browser's that is frozen has nothing that we set.
    let _ = Reflect::set(of, &name.into(), &value.into());
}

/// Calls a method; an error where there is none, or where it throws.
pub fn call(of: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let method: Function = get(of, name).dyn_into()?;
    method.apply(of, &arguments.iter().collect::<Array>())
}

/// Makes something of a class of the browser's.
pub fn make(class: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let class: Function = global(class).dyn_into()?;
    Reflect::construct(&class, &arguments.iter().collect::<Array>())
}

/// An object with these properties.
pub fn object(properties: &[(&str, JsValue)]) -> JsValue {
    let object = js_sys::Object::new().into();
    for (name, value) in properties {
        set(&object, name, value);
    }
    object
}
