//! Where does the page touch the browser?
//!
//! Every value of JavaScript is converted here; the rest of the crate is Rust.
//! What a browser refuses (no storage, no clipboard) is answered with `None` or
//! false, never with a panic: the page works without.

use core::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{
    Element, Event, HtmlElement, HtmlInputElement, HtmlSelectElement, KeyboardEvent, MouseEvent, PointerEvent,
    SvgElement, Window,
};

use crate::scene::geometry::Point;
use crate::scene::layout::Size;

fn window() -> Option<Window> {
    web_sys::window()
}

/// Milliseconds since the page was opened.
#[must_use]
pub fn now_ms() -> f64 {
    window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Calls back once, with the frame's time in milliseconds, before the next paint.
pub fn next_frame(callback: impl FnOnce(f64) + 'static) {
    let closure = Closure::once_into_js(callback);
    if let Some(window) = window() {
        // A page that is going away gives no more frames; nothing is lost by that.
        let _ = window.request_animation_frame(closure.unchecked_ref());
    }
}

/// Calls back once, after so many milliseconds.
pub fn after(milliseconds: i32, callback: impl FnOnce() + 'static) {
    let closure = Closure::once_into_js(callback);
    if let Some(window) = window() {
        // A page that is going away needs no timer.
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(closure.unchecked_ref(), milliseconds);
    }
}

/// Whether a media query holds.
#[must_use]
pub fn media(query: &str) -> bool {
    window().and_then(|window| window.match_media(query).ok().flatten()).is_some_and(|list| list.matches())
}

/// Calls back whenever the answer to a media query changes, for as long as the page lives.
pub fn watch_media(query: &str, callback: impl Fn(bool) + 'static) {
    let Some(list) = window().and_then(|window| window.match_media(query).ok().flatten()) else { return };
    let asked = list.clone();
    let closure = Closure::<dyn FnMut()>::new(move || callback(asked.matches())).into_js_value();
    // A browser that cannot listen keeps the first answer.
    let _ = list.add_event_listener_with_callback("change", closure.unchecked_ref());
}

/// Calls back whenever the part of the address after `#` changes, for as long as the page lives.
pub fn watch_fragment(callback: impl Fn() + 'static) {
    let closure = Closure::<dyn FnMut()>::new(callback).into_js_value();
    if let Some(window) = window() {
        // A browser that cannot listen opens links after a reload, as before.
        let _ = window.add_event_listener_with_callback("hashchange", closure.unchecked_ref());
    }
}

/// Opens the page anew, with the address that it has now.
pub fn reload() {
    if let Some(window) = window() {
        // Where it is forbidden, the page stays as it is.
        let _ = window.location().reload();
    }
}

/// Whether there is an element of this selector.
#[must_use]
pub fn is_there(selector: &str) -> bool {
    let document = window().and_then(|window| window.document());
    document.and_then(|document| document.query_selector(selector).ok().flatten()).is_some()
}

/// Takes the focus away from a field or a list that has it, so that keys go to the page again. False where none has it.
pub fn leave_field(tags: &[&str]) -> bool {
    let active = window().and_then(|window| window.document()).and_then(|document| document.active_element());
    let field = active.filter(|active| tags.contains(&active.tag_name().as_str()));
    let Some(field) = field.and_then(|active| active.dyn_into::<HtmlElement>().ok()) else { return false };
    field.blur().is_ok()
}

/// Sets an attribute of the document's root, where the style sheet looks for it.
pub fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = window().and_then(|window| window.document()).and_then(|document| document.document_element()) {
        // Only an invalid name fails, and the names are ours.
        let _ = root.set_attribute(name, value);
    }
}

/// What was kept under a name in an earlier visit.
#[must_use]
pub fn kept(name: &str) -> Option<String> {
    window()?.local_storage().ok()??.get_item(name).ok()?
}

/// Keeps a value for later visits, where the browser lets us.
pub fn keep(name: &str, value: &str) {
    if let Some(storage) = window().and_then(|window| window.local_storage().ok().flatten()) {
        // A full or forbidden storage only means that the next visit starts afresh.
        let _ = storage.set_item(name, value);
    }
}

/// The part of the address after `#`, with the `#`.
#[must_use]
pub fn fragment() -> String {
    window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// Writes the part of the address after `#` without a new step in the history.
pub fn set_fragment(fragment: &str) {
    if let Some(history) = window().and_then(|window| window.history().ok()) {
        // A sandboxed frame may forbid it; the link is copied all the same.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(fragment));
    }
}

/// The whole address.
#[must_use]
pub fn address() -> String {
    window().and_then(|window| window.location().href().ok()).unwrap_or_default()
}

/// Host and port that the page came from, and whether it came encrypted.
#[must_use]
pub fn host() -> Option<(String, bool)> {
    let location = window()?.location();
    Some((location.host().ok()?, location.protocol().ok()? == "https:"))
}

/// Copies a text; calls back with whether the browser let us.
pub fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    // Over plain http from another machine there is no clipboard.
    let clipboard = window()
        .map(|window| window.navigator())
        .and_then(|navigator| js_sys::Reflect::get(&navigator, &"clipboard".into()).ok())
        .filter(JsValue::is_object)
        .map(JsCast::unchecked_into::<web_sys::Clipboard>);
    match clipboard {
        Some(clipboard) => wasm_bindgen_futures::spawn_local(async move {
            done(wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&text)).await.is_ok());
        }),
        None => done(false),
    }
}

/// The pressed key, where it was not meant for a field or a control of its own.
#[must_use]
pub fn free_key(event: &KeyboardEvent) -> Option<String> {
    let key = event.key();
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let tag = target.as_ref().map(Element::tag_name).unwrap_or_default();
    let taken = match tag.as_str() {
        "INPUT" | "TEXTAREA" | "SELECT" => key != "Escape",
        "BUTTON" | "A" | "SUMMARY" => key == " " || key == "Enter",
        _ => target.is_some_and(|target| {
            target.has_attribute("data-keys")
                && (key == "Enter" || (key == " " && target.get_attribute("role").as_deref() == Some("button")))
        }),
    };
    (!taken).then_some(key)
}

/// Sets a list to one of its options: what a person once chose in it by hand stays otherwise.
pub fn set_choice(selector: &str, value: &str) {
    let list = window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector(selector).ok().flatten());
    if let Some(list) = list.and_then(|list| list.dyn_into::<HtmlSelectElement>().ok())
        && list.value() != value
    {
        list.set_value(value);
    }
}

/// The text in the field that an event is about.
#[must_use]
pub fn field_text(event: &Event) -> String {
    let target = event.target();
    target
        .clone()
        .and_then(|target| target.dyn_into::<HtmlInputElement>().ok())
        .map(|field| field.value())
        .or_else(|| target.and_then(|target| target.dyn_into::<HtmlSelectElement>().ok()).map(|field| field.value()))
        .unwrap_or_default()
}

/// What is chosen in the list of this name in the form that an event is about; the list is set to `after`, if anything.
pub fn take_choice(event: &Event, name: &str, after: Option<&str>) -> String {
    let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let list = form.and_then(|form| form.query_selector(&format!("[data-testid=\"{name}\"]")).ok().flatten());
    let Some(list) = list.and_then(|list| list.dyn_into::<HtmlSelectElement>().ok()) else { return String::new() };
    let chosen = list.value();
    after.into_iter().for_each(|after| list.set_value(after));
    chosen
}

/// The values of the boxes that are ticked in the element of this selector.
pub fn ticked(selector: &str) -> Vec<String> {
    let found = window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector_all(&format!("{selector} input:checked")).ok());
    let Some(boxes) = found else { return Vec::new() };
    let ticked = (0..boxes.length()).filter_map(|place| boxes.item(place)?.dyn_into::<HtmlInputElement>().ok());
    ticked.map(|ticked| ticked.value()).collect()
}

/// What stands in the one line of text of the form that an event is about.
pub fn line(event: &Event) -> String {
    let form = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let line = form.and_then(|form| form.query_selector("input").ok().flatten());
    line.and_then(|line| line.dyn_into::<HtmlInputElement>().ok()).map(|line| line.value()).unwrap_or_default()
}

/// Moves the focus to the first element of this selector.
pub fn focus(selector: &str) {
    let found = window()
        .and_then(|window| window.document())
        .and_then(|document| document.query_selector(selector).ok().flatten())
        .and_then(|element| element.dyn_into::<HtmlElement>().ok());
    if let Some(element) = found {
        // What cannot take the focus leaves it where it is.
        let _ = element.focus();
    }
}

/// The element of this selector that an event happened in. Events are handled at the root of the page, so that the
/// event's own "current target" is the root and not what a component listens on.
fn place_of(event: &PointerEvent, selector: &str) -> Option<Element> {
    event.target()?.dyn_into::<Element>().ok()?.closest(selector).ok()?
}

/// Where a pointer is, in pixels from the upper left corner of the element of this selector that it is in.
#[must_use]
pub fn pointer_in(event: &PointerEvent, selector: &str) -> Option<Point> {
    let rect = place_of(event, selector)?.get_bounding_client_rect();
    Some(Point::new(f64::from(event.client_x()) - rect.left(), f64::from(event.client_y()) - rect.top()))
}

/// Keeps a drag with the element of this selector that it began in.
pub fn capture(event: &PointerEvent, selector: &str) {
    if let Some(element) = place_of(event, selector) {
        // A pointer that is gone already needs no capture.
        let _ = element.set_pointer_capture(event.pointer_id());
    }
}

/// Watches an element's size for as long as it is kept.
pub struct SizeWatch {
    observer: web_sys::ResizeObserver,
    _callback: Closure<dyn FnMut()>,
}

impl SizeWatch {
    /// Calls back with the element's size now and after every change.
    #[must_use]
    pub fn new(element: Element, callback: impl Fn(Size) + 'static) -> Option<Self> {
        let watched = element.clone();
        let measure = move || {
            let size = Size { width: f64::from(watched.client_width()), height: f64::from(watched.client_height()) };
            if size.width > 0.0 && size.height > 0.0 {
                callback(size);
            }
        };
        measure();
        let closure = Closure::<dyn FnMut()>::new(measure);
        let observer = web_sys::ResizeObserver::new(closure.as_ref().unchecked_ref()).ok()?;
        observer.observe(&element);
        Some(Self { observer, _callback: closure })
    }
}

impl Drop for SizeWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Listens to key presses anywhere in the window, for as long as it is kept.
pub struct Keys(Closure<dyn FnMut(KeyboardEvent)>);

impl Keys {
    /// Calls back with every key press.
    #[must_use]
    pub fn listen(callback: impl Fn(KeyboardEvent) + 'static) -> Option<Self> {
        let closure = Closure::<dyn FnMut(KeyboardEvent)>::new(callback);
        window()?.add_event_listener_with_callback("keydown", closure.as_ref().unchecked_ref()).ok()?;
        Some(Self(closure))
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(window) = window() {
            // A listener that is gone already needs no removal.
            let _ = window.remove_event_listener_with_callback("keydown", self.0.as_ref().unchecked_ref());
        }
    }
}

/// Takes the focus away from a control that was clicked, so that keys go to the page again. A click by key keeps it.
pub fn release(event: &MouseEvent) {
    let active = window().and_then(|window| window.document()).and_then(|document| document.active_element());
    let Some(active) = active.filter(|_| event.detail() > 0) else { return };
    if active.tag_name() == "BUTTON" || active.has_attribute("data-keys") {
        if let Some(element) = active.dyn_ref::<HtmlElement>() {
            // What has no focus loses none.
            let _ = element.blur();
        } else if let Some(element) = active.dyn_ref::<SvgElement>() {
            let _ = element.blur();
        }
    }
}

/// Script times of the last frames, in milliseconds, oldest first.
#[derive(Clone, Default)]
pub struct FrameTimes(Rc<RefCell<Ring>>);

#[derive(Default)]
struct Ring {
    times: Vec<f64>,
    next: usize,
}

/// How many frames are remembered: about half a minute.
const FRAMES: usize = 2_048;

impl FrameTimes {
    /// Remembers one frame's script time.
    pub fn push(&self, milliseconds: f64) {
        let mut ring = self.0.borrow_mut();
        if ring.times.len() < FRAMES {
            ring.times.push(milliseconds);
        } else {
            let next = ring.next;
            ring.times[next] = milliseconds;
            ring.next = (next + 1) % FRAMES;
        }
    }

    /// Hangs `__quorumscope_frames()` on the window: it returns the times and forgets them.
    pub fn publish(&self) {
        let ring = Rc::clone(&self.0);
        let hook = Closure::<dyn FnMut() -> js_sys::Array>::new(move || {
            let ring = core::mem::take(&mut *ring.borrow_mut());
            ring.times.into_iter().map(JsValue::from_f64).collect()
        });
        if let Some(window) = window() {
            // The hook lives as long as the page.
            let _ = js_sys::Reflect::set(&window, &"__quorumscope_frames".into(), &hook.into_js_value());
        }
    }
}
