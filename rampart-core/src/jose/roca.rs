//! RSA keys of a generator that is broken (ROCA, CVE-2017-15361): smart cards and security modules of one make built their
//! primes so that anybody can find the private key of the public one.
//!
//! Each prime was k·M + (65537^a mod M), where M is the product of the first primes, 39 of them or more by the size of the
//! key. So the modulus is 65537^c modulo M, and that there is such a c gives the key away. It is looked for modulo each
//! small prime by itself; the exponents found must then fit together (Chinese remainder theorem). Of all other moduli one
//! in 2^154 has it by chance.

/// The odd primes that are in every M.
const PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const GENERATOR: u32 = 65537;

/// Whether the modulus (big-endian) is a power of 65537 modulo the product of the small primes.
pub(crate) fn has_fingerprint(modulus: &[u8]) -> bool {
    let mut exponents: Vec<Exponent> = Vec::new();
    for prime in PRIMES.map(u32::from) {
        match Exponent::of(remainder(modulus, prime), prime) {
            Some(exponent) if exponents.iter().all(|other| exponent.fits(other)) => exponents.push(exponent),
            _ => return false,
        }
    }
    true
}

/// What c is, modulo the order of 65537.
struct Exponent {
    value: u32,
    order: u32,
}

impl Exponent {
    /// The exponent with 65537^c = `residue` modulo `prime`, if there is one.
    fn of(residue: u32, prime: u32) -> Option<Self> {
        let (mut value, mut power, mut order) = (None, 1, 0);
        loop {
            if power == residue {
                value = Some(order);
            }
            power = power * (GENERATOR % prime) % prime;
            order += 1;
            if power == 1 {
                return value.map(|value| Self { value, order });
            }
        }
    }

    /// Whether one number is both.
    const fn fits(&self, other: &Self) -> bool {
        self.value.abs_diff(other.value).is_multiple_of(greatest_common_divisor(self.order, other.order))
    }
}

const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |remainder, byte| (remainder << 8 | u32::from(*byte)) % prime)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 65537^c modulo each of the primes, for c of each prime's own: the number that has these residues.
    fn with_exponents(exponent: impl Fn(usize) -> u32) -> Vec<u8> {
        // Little-endian, grown prime by prime: `number` has the residues so far, `product` is that of their primes.
        let (mut number, mut product) = (vec![0_u8; 64], vec![0_u8; 64]);
        (number[0], product[0]) = (1, 2);
        for (at, prime) in PRIMES.map(u32::from).into_iter().enumerate() {
            let residue = (0..exponent(at)).fold(1, |power, _| power * (GENERATOR % prime) % prime);
            let of = |number: &[u8]| remainder(&number.iter().rev().copied().collect::<Vec<_>>(), prime);
            while of(&number) != residue {
                add(&mut number, &product);
            }
            let once = product.clone();
            (1..prime).for_each(|_| add(&mut product, &once));
        }
        number.reverse();
        number
    }

    fn add(sum: &mut [u8], other: &[u8]) {
        let mut carry = 0;
        for (own, other) in sum.iter_mut().zip(other) {
            let digit = u16::from(*own) + u16::from(*other) + carry;
            (*own, carry) = (digit.to_le_bytes()[0], digit >> 8);
        }
    }

    #[test]
    fn powers_of_65537_have_the_fingerprint() {
        for c in [0, 1, 2, 3, 1000, 65536, 1_000_003] {
            assert!(has_fingerprint(&with_exponents(|_| c)), "65537^{c}");
        }
    }

    #[test]
    fn residues_that_belong_to_no_one_exponent_have_it_not() {
        // Each is a power, of even exponents modulo some primes and of odd ones modulo others.
        assert!(!has_fingerprint(&with_exponents(|at| u32::from(at % 2 == 0))));
        assert!(!has_fingerprint(&with_exponents(|at| u32::from(at == 37))), "the last alone");
    }

    #[test]
    fn numbers_at_random_have_it_not() {
        let mut random = fastrand::Rng::with_seed(15361);
        for _ in 0..2000 {
            let mut modulus = vec![0; 256];
            random.fill(&mut modulus);
            modulus[255] |= 1;
            assert!(!has_fingerprint(&modulus));
        }
        assert!(!has_fingerprint(&[]) && !has_fingerprint(&[0; 256]), "zero is no power");
    }
}
