//! Messages that wait for an answer. All that have come are taken in before one is answered, so that a question can be
//! withdrawn as long as nobody has begun to answer it.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};

use lsp_server::{Message, Request, RequestId};
use lsp_types::notification::{Cancel, Notification as _};
use lsp_types::{CancelParams, NumberOrString};

/// See the module header.
pub(super) struct Inbox {
    receiver: Receiver<Message>,
    waiting: VecDeque<Message>,
}

/// What comes next.
pub(super) enum Next {
    /// This message.
    Message(Message),
    /// Nothing at the moment.
    Nothing,
    /// The other side is gone.
    End,
}

impl Inbox {
    pub(super) fn new(receiver: Receiver<Message>) -> Inbox {
        Inbox { receiver, waiting: VecDeque::new() }
    }

    /// Takes in what has come. Answers the requests that were withdrawn.
    pub(super) fn take_in(&mut self) -> Vec<Request> {
        let mut withdrawn = Vec::new();
        while let Ok(message) = self.receiver.try_recv() {
            self.add(message, &mut withdrawn);
        }
        withdrawn
    }

    fn add(&mut self, message: Message, withdrawn: &mut Vec<Request>) {
        match &message {
            Message::Notification(notification) if notification.method == Cancel::METHOD => {
                let Ok(params) = serde_json::from_value::<CancelParams>(notification.params.clone()) else { return };
                let id = match params.id {
                    NumberOrString::Number(id) => RequestId::from(id),
                    NumberOrString::String(id) => RequestId::from(id),
                };
                let asked = |waiting: &Message| matches!(waiting, Message::Request(request) if request.id == id);
                if let Some(place) = self.waiting.iter().position(asked)
                    && let Some(Message::Request(request)) = self.waiting.remove(place)
                {
                    withdrawn.push(request);
                }
            }
            _ => self.waiting.push_back(message),
        }
    }

    /// The next message, without waiting for one.
    pub(super) fn next(&mut self) -> Next {
        match self.waiting.pop_front() {
            Some(message) => Next::Message(message),
            None => match self.receiver.try_recv() {
                Ok(message) => self.sorted(message),
                Err(TryRecvError::Empty) => Next::Nothing,
                Err(TryRecvError::Disconnected) => Next::End,
            },
        }
    }

    /// Waits until there is something to take in.
    pub(super) fn wait(&mut self) -> Next {
        match self.receiver.recv() {
            Ok(message) => self.sorted(message),
            Err(_) => Next::End,
        }
    }

    /// A message that nothing waits before: withdrawing something comes too late.
    fn sorted(&mut self, message: Message) -> Next {
        self.add(message, &mut Vec::new());
        self.waiting.pop_front().map_or(Next::Nothing, Next::Message)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use lsp_server::Notification;

    use super::*;

    fn request(id: i32) -> Message {
        Request::new(id.into(), "question".to_owned(), ()).into()
    }

    fn cancel(id: i32) -> Message {
        let params = CancelParams { id: NumberOrString::Number(id) };
        Notification::new(Cancel::METHOD.to_owned(), params).into()
    }

    #[test]
    fn a_question_is_withdrawn_while_it_waits() {
        let (sender, receiver) = mpsc::channel();
        let mut inbox = Inbox::new(receiver);
        let next = |inbox: &mut Inbox| match inbox.next() {
            Next::Message(Message::Request(request)) => Some(request.id),
            _ => None,
        };
        for message in [request(1), request(2), request(3), cancel(2), cancel(7)] {
            sender.send(message).expect("the inbox is there");
        }
        let withdrawn = inbox.take_in();
        assert_eq!(withdrawn.iter().map(|request| &request.id).collect::<Vec<_>>(), [&RequestId::from(2)]);
        assert_eq!((next(&mut inbox), next(&mut inbox)), (Some(1.into()), Some(3.into())));
        sender.send(cancel(3)).expect("the inbox is there");
        assert!(matches!(inbox.next(), Next::Nothing), "it was answered");
        drop(sender);
        assert!(matches!(inbox.next(), Next::End) && matches!(inbox.wait(), Next::End));
    }
}
