//! The form as it is for ever: whoever changes a byte of it changes [`VERSION`](super::super::VERSION). The bytes
//! were made by another program, from the words of the codec.

use tenure_types::{NodeId, ViewNumber};

use super::values::{KINDS, Parts, id, of_kind};
use crate::view::table::{
    JoinToken, Reason, RowRead, TableAction, TableAnswer, TableError, TableOutcome, TableRequest,
};
use crate::view::{Member, MemberState, View};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn messages_keep_their_bytes() {
    const BYTES: [&str; KINDS] = [
        "0101090200ff7f",
        "01020901ff7f07010203046361727405616c696365ac02020100046361727405616c696365ac02020101046361727405616c696365ac020201020506",
        "010309",
        "010409046361727405616c69636504c801010104ac0202",
        "0105046361727405616c69636504ac0202",
        "0106046361727405616c69636509",
        "0107046361727405616c696365",
        "010809046361727405616c696365ac020201010506",
        "0109046361727405616c696365ac0202e807",
        "010a046361727405616c696365ac02020008e807",
        "010b046361727405616c696365ac0202",
        "010c046361727405616c696365ac0202",
        "010d0506046361727405616c696365",
        "010e0506",
        "010f0506",
        "01100506",
        "01110506046361727405616c696365ac020204",
        "011205060104ac0202",
        "01130506046361727405616c696365ac020204",
        "01140506",
        "01150506",
        "0116040509046361727405616c696365ac0202e807",
        "011709046361727405616c69636501ac0202",
    ];
    for (kind, expected) in BYTES.into_iter().enumerate() {
        let message = of_kind(kind, Parts::default());
        assert_eq!(hex(&message.encode()), expected, "{}", message.name());
    }
}

#[test]
fn requests_keep_their_bytes() {
    let incarnation = id(300);
    let rows = vec![id(1), id(128)];
    for (action, expected) in [
        (TableAction::Poll { known: ViewNumber(2), watch: rows.clone() }, "0105010202018001"),
        (TableAction::Beat { incarnation, beat: 7 }, "010502ac0207"),
        (
            TableAction::Join {
                node: NodeId::new("node-1").unwrap(),
                weight: 3,
                address: "10.0.0.7:7071".into(),
                former: Some(id(9)),
                token: JoinToken(0x0102_0304),
            },
            "010503066e6f64652d31030d31302e302e302e373a37303731010904030201000000000000000000000000",
        ),
        (TableAction::Advance { incarnation, to: MemberState::Left }, "010504ac0205"),
        (
            TableAction::Condemn { incarnation, beat: Some(7), reason: Reason::MissingReport },
            "010505ac02010701",
        ),
        (
            TableAction::Condemn { incarnation, beat: None, reason: Reason::PresumedDead },
            "010505ac020000",
        ),
        (TableAction::Down { incarnation, beat: 7 }, "010506ac0207"),
        (TableAction::DownProven { incarnation }, "010507ac02"),
        (TableAction::Forget { incarnations: rows }, "01050802018001"),
    ] {
        let request = TableRequest { seen: ViewNumber(5), action };
        assert_eq!(hex(&request.encode()), expected, "{request:?}");
    }
}

#[test]
fn answers_keep_their_bytes() {
    let incarnation = id(300);
    let member = Member {
        incarnation,
        node: NodeId::new("node-1").unwrap(),
        state: MemberState::Condemned,
        presumed: true,
        weight: 3,
        address: "a:1".into(),
    };
    let view = Some(View::new(ViewNumber(6), [member]));
    let rows = vec![RowRead { incarnation, state: MemberState::Down, beat: 7 }];
    for (outcome, expected) in [
        (
            Ok(TableOutcome::Read { view, rows }),
            "01020601010601ac02066e6f64652d3103010303613a3101ac020407",
        ),
        (Ok(TableOutcome::Beaten { beat: 7 }), "0102060207"),
        (Ok(TableOutcome::Joined { incarnation, is_new: true }), "01020603ac0201"),
        (Ok(TableOutcome::Done), "01020604"),
        (Err(TableError::Refused { state: MemberState::Leaving, beat: 7 }), "010206400207"),
        (Err(TableError::Absent), "01020641"),
        (Err(TableError::Behind { number: ViewNumber(1), seen: ViewNumber(2) }), "010206420102"),
        (Err(TableError::Full), "01020643"),
        (Err(TableError::Replaced { what: "ab".into() }), "01020644026162"),
    ] {
        let answer = TableAnswer { timeline: 2, number: ViewNumber(6), outcome };
        assert_eq!(hex(&answer.encode()), expected, "{answer:?}");
    }
}
