//! A WebSocket of the browser that carries MQTT. Dropping it closes it.

use js_sys::{ArrayBuffer, Uint8Array};
use leptos::prelude::{document, location};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{BinaryType, Event, MessageEvent, WebSocket};

/// What happens to a socket.
pub(super) enum Notice {
    Opened,
    Bytes(Vec<u8>),
    /// It was closed, or could not be opened.
    Closed,
}

pub(super) struct Socket {
    web: WebSocket,
    /// Called by the browser for as long as the socket is there.
    _message: Closure<dyn FnMut(MessageEvent)>,
    _event: Closure<dyn FnMut(Event)>,
}

impl Socket {
    /// Opens `/mqtt` of this page's origin.
    pub(super) fn open(notice: impl Fn(Notice) + Clone + 'static) -> Result<Self, JsValue> {
        let location = location();
        let scheme = if location.protocol()? == "https:" { "wss" } else { "ws" };
        let socket = WebSocket::new_with_str(&format!("{scheme}://{}/mqtt", location.host()?), "mqtt")?;
        socket.set_binary_type(BinaryType::Arraybuffer);

        let told = notice.clone();
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() {
                told(Notice::Bytes(Uint8Array::new(&buffer).to_vec()));
            }
        });
        let event = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            notice(if event.type_() == "open" { Notice::Opened } else { Notice::Closed });
        });
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onopen(Some(event.as_ref().unchecked_ref()));
        socket.set_onclose(Some(event.as_ref().unchecked_ref()));
        Ok(Self { web: socket, _message: message, _event: event })
    }

    /// Sends; on a socket that is not open it does nothing, and its end is told by [`Notice::Closed`].
    pub(super) fn send(&self, bytes: &[u8]) {
        let _ = self.web.send_with_u8_array(bytes);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // The closures go with this value, so the browser must no longer call them.
        self.web.set_onmessage(None);
        self.web.set_onopen(None);
        self.web.set_onclose(None);
        let _ = self.web.close();
    }
}

/// Listens to an event of the document for as long as the page is there.
pub(super) fn on_document(event: &str, happened: impl FnMut() + 'static) {
    let closure = Closure::<dyn FnMut()>::new(happened);
    let _ = document().add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}
