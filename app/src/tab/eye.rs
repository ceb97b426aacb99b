//! The camera, and the QR codes that it sees: read by the browser where it can, else by a decoder of ours, which is loaded then.

use leptos::{lazy, prelude::*};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::js;

/// How wide the picture is in which codes are looked for: wide enough for a phone at arm's length, small enough for a tablet's processor.
const WIDTH: f64 = 640.0;

/// Why there is nothing to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blind {
    /// There is no camera, something else has it, or the page came by a way that browsers do not trust with one.
    NoCamera,
    /// The browser's user does not want it.
    Refused,
}

/// A camera that looks.
pub struct Eye {
    video: JsValue,
    stream: JsValue,
    /// The browser's own reader.
    detector: Option<JsValue>,
    /// Where a picture is taken for ours.
    canvas: JsValue,
}

async fn wait(promise: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?.dyn_into::<js_sys::Promise>()?).await
}

impl Eye {
    /// Opens the camera at the back of the device, else any, and shows in `video` what it sees.
    pub async fn open(video: JsValue) -> Result<Self, Blind> {
        let facing = js::object(&[("ideal", "environment".into())]);
        let wanted = js::object(&[("audio", false.into()), ("video", js::object(&[("facingMode", facing)]))]);
        let devices = js::get(&js::global("navigator"), "mediaDevices");
        let stream = wait(js::call(&devices, "getUserMedia", &[wanted])).await.map_err(|error| {
            if js::get(&error, "name").as_string().as_deref() == Some("NotAllowedError") { Blind::Refused } else { Blind::NoCamera }
        })?;
        js::set(&video, "srcObject", &stream);
        wait(js::call(&video, "play", &[])).await.map_err(|_| Blind::NoCamera)?;
        let canvas = document().create_element("canvas").map_err(|_| Blind::NoCamera)?;
        Ok(Self { video, stream, detector: detector().await, canvas: canvas.into() })
    }

    /// Whether the camera is still there: one that was unplugged, or taken away by the system, has ended.
    pub fn is_open(&self) -> bool {
        tracks(&self.stream).iter().any(|track| js::get(track, "readyState").as_string().as_deref() == Some("live"))
    }

    /// The text of a code that is in sight now.
    pub async fn look(&self) -> Option<String> {
        if let Some(detector) = &self.detector {
            let found = wait(js::call(detector, "detect", std::slice::from_ref(&self.video))).await.ok()?;
            return js::get(&js::get(&found, "0"), "rawValue").as_string();
        }
        let (width, height, grey) = self.picture()?;
        read(width, height, grey).await
    }

    /// What the camera sees, in shades of grey.
    fn picture(&self) -> Option<(usize, usize, Vec<u8>)> {
        let side = |name: &str| js::get(&self.video, name).as_f64().filter(|side| *side > 0.0);
        let (width, height) = (side("videoWidth")?, side("videoHeight")?);
        let scale = (WIDTH / width).min(1.0);
        let (width, height) = ((width * scale).floor(), (height * scale).floor());
        js::set(&self.canvas, "width", width);
        js::set(&self.canvas, "height", height);
        let often = js::object(&[("willReadFrequently", true.into())]);
        let context = js::call(&self.canvas, "getContext", &["2d".into(), often]).ok()?;
        js::call(&context, "drawImage", &[self.video.clone(), 0.into(), 0.into(), width.into(), height.into()]).ok()?;
        let taken = js::call(&context, "getImageData", &[0.into(), 0.into(), width.into(), height.into()]).ok()?;
        let colours: js_sys::Uint8ClampedArray = js::get(&taken, "data").dyn_into().ok()?;
        Some((width as usize, height as usize, grey(&colours.to_vec())))
    }
}

impl Drop for Eye {
    fn drop(&mut self) {
        for track in tracks(&self.stream) {
            // The light beside the lens goes out.
            let _ = js::call(&track, "stop", &[]);
        }
    }
}

fn tracks(stream: &JsValue) -> Vec<JsValue> {
    let tracks = js::call(stream, "getTracks", &[]).unwrap_or_default();
    js_sys::try_iter(&tracks).ok().flatten().into_iter().flatten().flatten().collect()
}

/// Whether the browser's user has allowed the camera already, so that it may be opened without a press. A browser that does not
/// tell waits for one.
pub async fn allowed() -> bool {
    let permissions = js::get(&js::global("navigator"), "permissions");
    let camera = js::object(&[("name", "camera".into())]);
    let told = wait(js::call(&permissions, "query", &[camera])).await;
    told.is_ok_and(|told| js::get(&told, "state").as_string().as_deref() == Some("granted"))
}

/// The browser's own reader of QR codes; `None` where it has none.
async fn detector() -> Option<JsValue> {
    let formats = wait(js::call(&js::global("BarcodeDetector"), "getSupportedFormats", &[])).await.ok()?;
    let formats: js_sys::Array = formats.dyn_into().ok()?;
    let qr = JsValue::from("qr_code");
    let options = js::object(&[("formats", js_sys::Array::of1(&qr).into())]);
    formats.includes(&qr, 0).then(|| js::make("BarcodeDetector", &[options]).ok())?
}

/// Shades of grey of red, green, blue and opacity, as the eye weighs them.
fn grey(colours: &[u8]) -> Vec<u8> {
    let shade = |pixel: &[u8]| ((u32::from(pixel[0]) * 77 + u32::from(pixel[1]) * 150 + u32::from(pixel[2]) * 29) >> 8) as u8;
    colours.chunks_exact(4).map(shade).collect()
}

/// The text of a QR code in a picture of this size. Loaded when it is first wanted.
#[lazy]
fn read(width: usize, height: usize, grey: Vec<u8>) -> Option<String> {
    decoded(width, height, &grey)
}

fn decoded(width: usize, height: usize, grey: &[u8]) -> Option<String> {
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| grey.get(y * width + x).copied().unwrap_or(255));
    picture.detect_grids().into_iter().find_map(|grid| grid.decode().ok()).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use qrcode::{Color, QrCode};

    use super::*;

    /// A code, so many pixels a module, on white with a border.
    fn drawn(text: &str, module: usize) -> (usize, Vec<u8>) {
        let code = QrCode::new(text).unwrap();
        let (modules, colours) = (code.width(), code.to_colors());
        let side = (modules + 8) * module;
        let mut picture = vec![255; side * side];
        for (at, shade) in picture.iter_mut().enumerate() {
            let (x, y) = (at % side / module, at / side / module);
            let inside = (4..modules + 4).contains(&x) && (4..modules + 4).contains(&y);
            if inside && colours[(y - 4) * modules + x - 4] == Color::Dark {
                *shade = 20;
            }
        }
        (side, picture)
    }

    #[test]
    fn a_ticket_is_read_from_a_picture() {
        let ticket = "0193B3C45D6E7F809A1B2C3D4E5F60714A".repeat(3);
        for module in [3, 5] {
            let (side, picture) = drawn(&ticket, module);
            assert_eq!(decoded(side, side, &picture).as_ref(), Some(&ticket));
        }
        assert_eq!(decoded(64, 48, &[200; 64 * 48]), None);
        assert_eq!(decoded(0, 0, &[]), None);
    }

    #[test]
    fn grey_is_as_bright_as_it_looks() {
        assert_eq!(grey(&[255, 255, 255, 255, 0, 0, 0, 255, 255, 0, 0, 9, 1, 2]), [255, 0, 76]);
    }
}
