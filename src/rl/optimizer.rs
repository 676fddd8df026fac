//! AdamW over explicit moment tensors, so that its state can be saved (tch's own optimizers cannot).

use crate::spec::settings::Train;
use tch::{Tensor, no_grad_guard};

/// AdamW with decoupled weight decay (Loshchilov and Hutter 2019), as `torch.optim.AdamW` computes it.
pub struct AdamW {
    /// First moments, in parameter order.
    pub first: Vec<Tensor>,
    /// Second moments, in parameter order.
    pub second: Vec<Tensor>,
    /// Updates made.
    pub updates: u64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    weight_decay: f64,
}

impl AdamW {
    /// Zero moments for the given parameters.
    pub fn new(parameters: &[(String, Tensor)], train: &Train) -> AdamW {
        let zeros = || parameters.iter().map(|(_, p)| p.zeros_like().set_requires_grad(false)).collect();
        AdamW {
            first: zeros(),
            second: zeros(),
            updates: 0,
            beta1: train.beta1,
            beta2: train.beta2,
            epsilon: train.epsilon,
            weight_decay: train.weight_decay,
        }
    }

    /// One update from the gradients of the parameters, which are cleared afterwards. Norms and other vectors are not decayed.
    pub fn step(&mut self, parameters: &[(String, Tensor)], rate: f64) {
        let _guard = no_grad_guard();
        self.updates += 1;
        let t = self.updates as i32;
        let step = rate / (1.0 - self.beta1.powi(t));
        let second_scale = (1.0 - self.beta2.powi(t)).sqrt();
        for (i, (_, parameter)) in parameters.iter().enumerate() {
            let mut parameter = parameter.shallow_clone();
            let mut gradient = gradient(&parameter);
            if parameter.dim() > 1 && self.weight_decay > 0.0 {
                let _ = parameter.g_mul_scalar_(1.0 - rate * self.weight_decay);
            }
            let _ = self.first[i].lerp_(&gradient, 1.0 - self.beta1);
            let _ = self.second[i].g_mul_scalar_(self.beta2);
            let _ = self.second[i].g_add_(&(gradient.square() * (1.0 - self.beta2)));
            let _ = gradient.zero_();
            let denominator = (self.second[i].sqrt() / second_scale) + self.epsilon;
            let _ = parameter.addcdiv_(&(&self.first[i] * -step), &denominator);
        }
    }
}

/// Scales all gradients so that their joint L2 norm is at most `limit`; gives the norm before.
pub fn clip_gradients(parameters: &[(String, Tensor)], limit: f64) -> f64 {
    let _guard = no_grad_guard();
    let gradients: Vec<Tensor> = parameters.iter().map(|(_, p)| p.grad()).filter(Tensor::defined).collect();
    let squares: f64 = gradients.iter().map(|g| g.square().sum(tch::Kind::Double).double_value(&[])).sum();
    let norm = squares.sqrt();
    if limit > 0.0 && norm > limit {
        for mut gradient in gradients {
            let _ = gradient.g_mul_scalar_(limit / (norm + 1e-6));
        }
    }
    norm
}

/// The gradient of a parameter, or zeros where none was taken yet. A step without any gradient then does the same in a job that has just gone on
/// as in one that never stopped, whose gradients are there and zero.
pub fn gradient(parameter: &Tensor) -> Tensor {
    let gradient = parameter.grad();
    if gradient.defined() { gradient } else { parameter.detach().zeros_like() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::settings::Settings;

    #[test]
    fn a_step_without_gradients_is_the_same_after_going_on() {
        let train = Settings::default().train;
        let parameter = |values: &[f32]| ("w".to_owned(), Tensor::from_slice(values).set_requires_grad(true));
        let whole = [parameter(&[1.0, -2.0, 3.0])];
        let mut optimizer = AdamW::new(&whole, &train);
        (&whole[0].1 * &whole[0].1).sum(tch::Kind::Float).backward();
        optimizer.step(&whole, 0.1);

        // What a checkpoint brings back: weights and moments, no gradients.
        let values = |tensor: &Tensor| Vec::<f32>::try_from(tensor.detach()).unwrap();
        let before = values(&whole[0].1);
        let resumed = [parameter(&before)];
        let mut other = AdamW::new(&resumed, &train);
        other.first = vec![optimizer.first[0].copy()];
        other.second = vec![optimizer.second[0].copy()];
        other.updates = optimizer.updates;

        optimizer.step(&whole, 0.1);
        other.step(&resumed, 0.1);
        assert_ne!(values(&whole[0].1), before, "the first moments still move the weights");
        assert_eq!(values(&whole[0].1), values(&resumed[0].1));
        assert_eq!(values(&gradient(&whole[0].1)), values(&gradient(&resumed[0].1)));
    }
}
