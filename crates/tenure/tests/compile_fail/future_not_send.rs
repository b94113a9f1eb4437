use tenure::prelude::*;

#[tenure::data]
#[derive(Default)]
pub struct Cart {
    total: u32,
}

#[actor]
impl Cart {
    pub async fn wait(&mut self, cx: &mut Context<Self>) {
        let shared = std::rc::Rc::new(1);
        cx.sleep(std::time::Duration::from_secs(1)).await;
        self.total += *shared;
    }
}

fn main() {}
