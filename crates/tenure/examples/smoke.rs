//! A quick look at speed; not kept.
use std::time::Instant;
use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Counter {
    value: i64,
}

#[actor]
impl Counter {
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }
    pub fn get(&self) -> i64 {
        self.value
    }
}

#[derive(Default)]
pub struct Fast {
    value: i64,
}
#[actor(persist = volatile)]
impl Fast {
    pub fn add(&mut self, by: i64) -> i64 {
        self.value += by;
        self.value
    }
    pub async fn slow(&mut self, cx: &mut Context<Self>, by: i64) -> i64 {
        cx.sleep(std::time::Duration::from_millis(1)).await;
        self.value += by;
        self.value
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let dir = std::env::temp_dir().join("tenure-smoke");
    let _ = std::fs::remove_dir_all(&dir);
    let node =
        Node::builder().actor::<Counter>().actor::<Fast>().store_in(&dir).start().await.unwrap();
    println!("{:?}", node.actor::<Counter>("42").add(5).await);
    println!("{:?}", node.actor::<Counter>("42").get().await);
    println!("{:?}", node.actor::<Fast>("42").slow(3).await);
    let keys: Vec<String> = (0..10_000).map(|i| format!("k{i}")).collect();
    let keys = std::sync::Arc::new(keys);
    for callers in [1usize, 64] {
        for actors in [1usize, 10_000] {
            let per = if callers == 1 { 2_000_000 } else { 100_000 };
            for k in keys.iter() {
                node.actor::<Fast>(k.as_str()).add(0).await.unwrap();
            }
            let t = Instant::now();
            let tasks: Vec<_> = (0..callers)
                .map(|c| {
                    let node = node.clone();
                    let keys = keys.clone();
                    tokio::spawn(async move {
                        let mut x = c as u64 * 7919;
                        for _ in 0..per {
                            x = x
                                .wrapping_mul(6364136223846793005)
                                .wrapping_add(1442695040888963407);
                            let k = &keys[(x >> 33) as usize % actors];
                            node.actor::<Fast>(k.as_str()).add(1).await.unwrap();
                        }
                    })
                })
                .collect();
            for t in tasks {
                t.await.unwrap();
            }
            let n = per * callers;
            println!(
                "volatile {actors} actors {callers} callers: {:.2} M/s",
                n as f64 / t.elapsed().as_secs_f64() / 1e6
            );
        }
    }
    if std::env::args().count() > 1 {
        return;
    }
    for callers in [1usize, 64, 1024] {
        for actors in [1usize, 10_000] {
            let per = if callers == 1 { 3000 } else { 200_000 / callers };
            let t = Instant::now();
            let tasks: Vec<_> = (0..callers)
                .map(|c| {
                    let node = node.clone();
                    let keys = keys.clone();
                    tokio::spawn(async move {
                        let mut x = c as u64 * 7919;
                        for _ in 0..per {
                            x = x
                                .wrapping_mul(6364136223846793005)
                                .wrapping_add(1442695040888963407);
                            let k = &keys[(x >> 33) as usize % actors];
                            node.actor::<Counter>(k.as_str()).add(1).await.unwrap();
                        }
                    })
                })
                .collect();
            for t in tasks {
                t.await.unwrap();
            }
            let n = per * callers;
            println!(
                "durable {actors} actors {callers} callers: {:.1} k/s",
                n as f64 / t.elapsed().as_secs_f64() / 1e3
            );
        }
    }
    println!("{:?}", node.stop(std::time::Duration::from_secs(5)).await);
}
