//! How does a live cluster reach the page?
//!
//! Over a WebSocket to the relay, with the token from the fragment of the
//! address that `serve` prints (`#live=ROOM&token=…`). Records come in batches;
//! commands are numbered and answered. What the cluster cannot do is not
//! offered. The wire format is core's (`wire`).

use std::cell::RefCell;
use std::rc::Rc;

use quorumscope_core::types::Time;
use quorumscope_core::wire::{Ability, Cluster, Frame, Hello, Records, Role, StoreKind};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{BinaryType, MessageEvent, WebSocket};
use yew::Callback;

use super::{Answer, Offers, Request, Source};
use crate::js;
use crate::words::notice;

/// Where the relay listens for pages.
const PATH: &str = "/live";

/// Where to attach, and by what right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The relay, as `ws://host/live`.
    pub url: String,
    /// The room.
    pub room: String,
    /// The secret of a controller.
    pub token: String,
}

impl Attachment {
    /// Reads `#live=ROOM&token=TOKEN`; the relay is where the page came from.
    #[must_use]
    pub fn from_fragment(fragment: &str) -> Option<Self> {
        let (room, token) = read(fragment)?;
        let (host, encrypted) = js::host()?;
        let scheme = if encrypted { "wss" } else { "ws" };
        Some(Self { url: format!("{scheme}://{host}{PATH}"), room, token })
    }
}

fn read(fragment: &str) -> Option<(String, String)> {
    let mut room = None;
    let mut token = String::new();
    for part in fragment.strip_prefix('#')?.split('&') {
        match part.split_once('=') {
            Some(("live", value)) => room = Some(value.to_owned()),
            Some(("token", value)) => token = value.to_owned(),
            Some(_) | None => {}
        }
    }
    Some((room?, token))
}

/// A connection to a live cluster.
pub struct Live {
    socket: Option<WebSocket>,
    state: Rc<RefCell<State>>,
    _listeners: Vec<Closure<dyn FnMut(JsValue)>>,
}

#[derive(Default)]
struct State {
    number: u64,
    known: Time,
    /// What the relay said was wrong; where it closes after that, this is why.
    problem: Option<String>,
}

impl Live {
    /// Connects; what comes of it is answered.
    #[must_use]
    pub fn open(attachment: Attachment, answer: Callback<Answer>) -> Self {
        let state = Rc::new(RefCell::new(State::default()));
        let Ok(socket) = WebSocket::new(&attachment.url) else {
            answer.emit(Answer::Detached { refused: false, reason: notice::DISCONNECTED.into() });
            return Self { socket: None, state, _listeners: Vec::new() };
        };
        socket.set_binary_type(BinaryType::Arraybuffer);
        let hello = Frame::Hello(Hello {
            role: Role::Controller,
            room: attachment.room,
            token: attachment.token,
            cluster: None,
        });
        let opened = {
            let socket = socket.clone();
            Closure::<dyn FnMut(JsValue)>::new(move |_| send(&socket, &hello))
        };
        let received = {
            let (state, answer) = (Rc::clone(&state), answer.clone());
            Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
                let bytes = event.dyn_into::<MessageEvent>().ok().map(|event| event.data());
                let Some(bytes) = bytes.filter(|data| data.is_instance_of::<js_sys::ArrayBuffer>()) else { return };
                match Frame::decode(&js_sys::Uint8Array::new(&bytes).to_vec()) {
                    Ok(frame) => receive(frame, &state, &answer),
                    Err(error) => answer.emit(Answer::Failed { reason: error.to_string() }),
                }
            })
        };
        let closed = {
            let state = Rc::clone(&state);
            Closure::<dyn FnMut(JsValue)>::new(move |_| {
                let mut state = state.borrow_mut();
                let problem = state.problem.take();
                // Who was let in has records; what was said after that is not why it ends.
                let refused = problem.is_some() && state.known == Time(0);
                drop(state);
                answer
                    .emit(Answer::Detached { refused, reason: problem.unwrap_or_else(|| notice::DISCONNECTED.into()) });
            })
        };
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(received.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Self { socket: Some(socket), state, _listeners: vec![opened, received, closed] }
    }
}

/// Turns a frame into what the page understands.
fn receive(frame: Frame, state: &RefCell<State>, answer: &Callback<Answer>) {
    match frame {
        Frame::Cluster(cluster) => {
            answer.emit(Answer::Attached { offers: offers(&cluster), in_memory: cluster.store == StoreKind::Memory })
        }
        Frame::Records(Records { at, records, .. }) => {
            let newest = records.iter().map(|record| record.at).max().unwrap_or_default();
            let known = at.max(newest).max(state.borrow().known);
            state.borrow_mut().known = known;
            answer.emit(Answer::Records { records, known });
        }
        Frame::Done { problem: Some(problem), .. } => answer.emit(Answer::Refused { reason: problem.text }),
        Frame::Problem(problem) => {
            state.borrow_mut().problem = Some(problem.text.clone());
            answer.emit(Answer::Refused { reason: problem.text });
        }
        Frame::Done { problem: None, .. } => {
            answer.emit(Answer::Acted { at: state.borrow().known, scenario: String::new() });
        }
        Frame::Welcome(_) => {}
        // Not meant for a controller; a relay that sends one is not ours to correct.
        Frame::Hello(_)
        | Frame::Peer(_)
        | Frame::Request(_)
        | Frame::Read(_)
        | Frame::Answer(_)
        | Frame::Returned { .. }
        | Frame::Resync { .. }
        | Frame::Command { .. }
        | Frame::Links { .. }
        | Frame::Joined(_)
        | Frame::Left(_) => {}
    }
}

fn offers(cluster: &Cluster) -> Offers {
    let can = |ability| cluster.abilities.contains(&ability);
    Offers {
        past: false,
        propose: can(Ability::Propose),
        crash: can(Ability::Crash),
        pause: can(Ability::Pause) && can(Ability::Timeout),
        snapshot: can(Ability::Snapshot),
        network: can(Ability::Links),
        messages: false,
        transfer: can(Ability::Transfer),
        reads: can(Ability::Read),
        members: can(Ability::Members),
    }
}

fn send(socket: &WebSocket, frame: &Frame) {
    // A socket that is closing says so by its own event.
    let _ = socket.send_with_u8_array(&frame.encode());
}

impl Source for Live {
    fn ask(&mut self, request: Request) {
        match request {
            Request::Act { command, .. } => {
                let mut state = self.state.borrow_mut();
                state.number += 1;
                if let Some(socket) = &self.socket {
                    send(socket, &Frame::Command { number: state.number, command });
                }
            }
            // A live cluster has neither a beginning to go back to nor a future to run to.
            Request::Open { .. } | Request::Until(_) => {}
        }
    }

    fn offers(&self) -> Offers {
        Offers::LIVE
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(socket) = &self.socket {
            socket.set_onopen(None);
            socket.set_onmessage(None);
            socket.set_onclose(None);
            // It may be closed already.
            let _ = socket.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fragment_names_room_and_token() {
        assert_eq!(read("#live=main&token=abc"), Some(("main".into(), "abc".into())));
        assert_eq!(read("#live=main"), Some(("main".into(), String::new())));
        assert_eq!(read("#v1.abc"), None);
        assert_eq!(read(""), None);
    }
}
