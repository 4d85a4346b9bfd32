//! How does a simulation run beside the page?
//!
//! The worker loads the same wasm module, whose `main` finds that it has no
//! window and serves an engine. Requests and answers cross as bytes (postcard).
//! Where no worker can be started the engine runs in the page's thread.

use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, Worker, WorkerOptions, WorkerType};
use yew::Callback;

use super::simulation::{Engine, Local};
use super::{Answer, Offers, Request, Source};

/// The script that loads the module in the worker, beside the page.
const SCRIPT: &str = "./worker.js";

/// A simulation in a worker.
pub struct Remote {
    worker: Worker,
    /// Requests from before the worker was ready.
    waiting: std::rc::Rc<std::cell::RefCell<Option<Vec<Request>>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

/// A simulation in a worker, or in this thread where there are none.
#[must_use]
pub fn open(answer: Callback<Answer>) -> Box<dyn Source> {
    match Remote::open(answer.clone()) {
        Some(remote) => Box::new(remote),
        None => Box::new(Local::open(answer)),
    }
}

impl Remote {
    fn open(answer: Callback<Answer>) -> Option<Self> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(SCRIPT, &options).ok()?;
        let waiting = std::rc::Rc::new(std::cell::RefCell::new(Some(Vec::new())));
        let on_message = {
            let (waiting, worker) = (waiting.clone(), worker.clone());
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                let data = event.data();
                if data.is_string() {
                    // The worker says that it is ready: what has waited goes first.
                    for request in waiting.borrow_mut().take().into_iter().flatten() {
                        send(&worker, &request);
                    }
                } else if let Some(batch) = decode(&data) {
                    answer.emit(batch);
                }
            })
        };
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Some(Self { worker, waiting, _on_message: on_message })
    }
}

impl Source for Remote {
    fn ask(&mut self, request: Request) {
        match self.waiting.borrow_mut().as_mut() {
            Some(waiting) => waiting.push(request),
            None => send(&self.worker, &request),
        }
    }

    fn offers(&self) -> Offers {
        Offers::SIMULATION
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}

fn send(worker: &Worker, request: &Request) {
    if let Ok(bytes) = postcard::to_allocvec(request) {
        // Posting bytes fails only where the worker is gone, and then nothing waits for it.
        let _ = worker.post_message(&js_sys::Uint8Array::from(bytes.as_slice()));
    }
}

fn decode(data: &JsValue) -> Option<Answer> {
    let bytes = data.dyn_ref::<js_sys::Uint8Array>()?.to_vec();
    postcard::from_bytes(&bytes).ok()
}

/// Serves an engine, if this is a worker; false where it is a page.
#[must_use]
pub fn serve() -> bool {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return false };
    let mut engine = Engine::default();
    let page = scope.clone();
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let Some(bytes) = event.data().dyn_ref::<js_sys::Uint8Array>().map(js_sys::Uint8Array::to_vec) else { return };
        let Ok(request) = postcard::from_bytes::<Request>(&bytes) else { return };
        engine.handle(request, &mut |answer| {
            if let Ok(bytes) = postcard::to_allocvec(&answer) {
                // The page may be gone; then the worker is as well in a moment.
                let _ = page.post_message(&js_sys::Uint8Array::from(bytes.as_slice()));
            }
        });
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The worker serves for as long as it lives.
    on_message.forget();
    let _ = scope.post_message(&JsValue::from_str("ready"));
    true
}
