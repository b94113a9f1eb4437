use tenure::prelude::*;

/// What a customer can spend where nothing else was said.
const LIMIT_CENTS: u64 = 50_000;

/// The money of a customer: a stand-in for a payment service outside.
///
/// It knows nothing of orders. As such services do, it tells one payment from another by the
/// idempotency key of the call, and remembers that for a day.
#[tenure::data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payment {
    /// What the customer can spend in all.
    pub limit_cents: Option<u64>,
    /// What was spent.
    pub spent_cents: u64,
    /// How many payments there were.
    pub count: u64,
}

/// The money of a customer, as it is shown.
#[tenure::data]
#[derive(Clone, Debug, PartialEq)]
pub struct PaymentShown {
    /// What the customer can spend in all.
    pub limit_cents: u64,
    /// What was spent.
    pub spent_cents: u64,
    /// How many payments there were.
    pub count: u64,
}

/// Why nothing is paid. Nothing was taken.
#[tenure::error]
#[derive(PartialEq)]
pub enum PaymentError {
    /// The customer has too little.
    #[problem(status = 402, "{left_cents} cents are left, not {wanted_cents}")]
    TooLittle {
        /// What is left.
        left_cents: u64,
        /// What was to be paid.
        wanted_cents: u64,
    },
}

#[actor]
impl Payment {
    /// Sets how much the customer can spend in all.
    pub fn allow(&mut self, limit_cents: u64) {
        self.limit_cents = Some(limit_cents);
    }

    /// Takes money. Whoever may have to ask again sends an idempotency key.
    #[handler(internal)]
    pub fn take(&mut self, cents: u64) -> Result<(), PaymentError> {
        let left_cents = self.limit_cents.unwrap_or(LIMIT_CENTS).saturating_sub(self.spent_cents);
        if cents > left_cents {
            return Err(PaymentError::TooLittle { left_cents, wanted_cents: cents });
        }
        self.spent_cents += cents;
        self.count += 1;
        Ok(())
    }

    /// The money as it is.
    pub fn show(&self) -> PaymentShown {
        let Self { limit_cents, spent_cents, count } = *self;
        PaymentShown { limit_cents: limit_cents.unwrap_or(LIMIT_CENTS), spent_cents, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_spends_more_than_the_limit() {
        let mut payment = Payment::default();
        payment.allow(1_000);
        assert_eq!(payment.take(700), Ok(()));
        let refused = PaymentError::TooLittle { left_cents: 300, wanted_cents: 301 };
        assert_eq!(payment.take(301), Err(refused));
        assert_eq!(payment.take(300), Ok(()));
        let shown = PaymentShown { limit_cents: 1_000, spent_cents: 1_000, count: 2 };
        assert_eq!(payment.show(), shown);
        // A limit that is lowered later takes nothing back.
        payment.allow(10);
        assert_eq!(
            payment.take(1),
            Err(PaymentError::TooLittle { left_cents: 0, wanted_cents: 1 })
        );
    }
}
