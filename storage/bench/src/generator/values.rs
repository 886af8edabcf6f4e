//! What visitors send and look at. Which of them occurs how often follows Zipf's law, as
//! popularity of products, words and people does.

use super::random::{Random, Zipf, mix};

/// People with an account; some thousands are active within minutes of a busy shop.
pub const USERS: usize = 20_000;
const PRODUCTS: usize = 5_000;
const CATEGORIES: [&str; 14] = [
    "accessories",
    "bags",
    "books",
    "cameras",
    "garden",
    "home-office",
    "kitchen",
    "lighting",
    "outdoor",
    "shoes",
    "sports",
    "telescopes",
    "toys",
    "watches",
];
const CURRENCIES: [&str; 8] = ["USD", "EUR", "GBP", "JPY", "CAD", "CHF", "SEK", "PLN"];
const WORDS: [&str; 40] = [
    "lamp",
    "phone case",
    "usb c cable",
    "running shoes",
    "coffee grinder",
    "telescope",
    "backpack",
    "desk",
    "watch strap",
    "binoculars",
    "tent",
    "notebook",
    "tripod",
    "headphones",
    "water bottle",
    "garden hose",
    "camera bag",
    "yoga mat",
    "kettle",
    "chair",
    "board game",
    "puzzle",
    "sneakers",
    "rain jacket",
    "socks",
    "charger",
    "keyboard",
    "mouse pad",
    "monitor arm",
    "wool hat",
    "gloves",
    "bike light",
    "helmet",
    "star map",
    "tea pot",
    "mug",
    "cutting board",
    "knife set",
    "pan",
    "apron",
];
const FILES: [&str; 12] = [
    "app.3f9c1d.js",
    "vendor.a81e02.js",
    "main.77b0c4.css",
    "logo.svg",
    "fonts/inter.woff2",
    "hero-summer.webp",
    "icons.svg",
    "favicon.ico",
    "runtime.0c2f9a.js",
    "cart.5d11e8.js",
    "product.9e4ab7.js",
    "robots.txt",
];
pub const CARDS: [&str; 4] = ["visa", "mastercard", "amex", "maestro"];

pub struct Values {
    users: Zipf,
    products: Zipf,
    categories: Zipf,
    currencies: Zipf,
    words: Zipf,
    agents: Zipf,
    user_agents: Vec<String>,
}

/// One visitor's doing: what all spans of its trace are about.
pub struct Visit {
    pub user: u64,
    pub is_signed_in: bool,
    pub session: String,
    pub address: String,
    pub user_agent: String,
    pub request_id: String,
    pub order: String,
    /// What an order comes to, in the currency's unit.
    pub amount: f64,
    pub items: i64,
    pub product: u64,
    pub category: &'static str,
    pub currency: &'static str,
    pub words: &'static str,
    pub page: usize,
    pub file: &'static str,
}

impl Values {
    pub fn new() -> Self {
        let user_agents = user_agents();
        Self {
            users: Zipf::new(USERS, 0.8),
            products: Zipf::new(PRODUCTS, 0.9),
            categories: Zipf::new(CATEGORIES.len(), 0.7),
            currencies: Zipf::new(CURRENCIES.len(), 1.2),
            words: Zipf::new(WORDS.len(), 0.8),
            agents: Zipf::new(user_agents.len(), 1.0),
            user_agents,
        }
    }

    pub fn visit(&self, random: &mut Random) -> Visit {
        let user = self.users.rank(random) as u64;
        // A person has one browser, one address and one session for the time that is generated.
        let agent = self.agents.rank(&mut Random::new(mix("agent", user)));
        Visit {
            user,
            is_signed_in: random.chance(0.55),
            session: uuid(&mut Random::new(mix("session", user))),
            address: public_address(mix("address", user)),
            user_agent: self.user_agents[agent].clone(),
            request_id: uuid(random),
            order: uuid(random),
            amount: (random.log_normal(6_400.0, 0.9)).round() / 100.0,
            items: 1 + random.exponential(1.8) as i64,
            product: self.product(random),
            category: CATEGORIES[self.categories.rank(random)],
            currency: CURRENCIES[self.currencies.rank(random)],
            words: WORDS[self.words.rank(random)],
            page: random.exponential(0.6) as usize,
            file: FILES[random.below(FILES.len())],
        }
    }

    pub fn product(&self, random: &mut Random) -> u64 {
        self.products.rank(random) as u64
    }
}

impl Visit {
    /// A route with its parameters put in, as `url.path` has it.
    pub fn path(&self, route: &str) -> String {
        let Some((before, _)) = route.split_once('{') else { return route.to_owned() };
        let kind = before.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        before.to_owned()
            + &match kind {
                "product" | "products" | "items" => product_id(self.product),
                "sessions" => self.session.clone(),
                "users" => user_id(self.user),
                "category" => self.category.to_owned(),
                "static" => self.file.to_owned(),
                "shipments" => format!("TRK{:012}", mix("parcel", self.user) % 1_000_000_000_000),
                _ => self.order.clone(),
            }
    }

    /// The query of a URL, for routes that take one.
    pub fn query(&self, route: &str) -> Option<String> {
        if route.ends_with("/search") || route == "/query" {
            return Some(format!("q={}&page={}", self.words.replace(' ', "+"), self.page + 1));
        }
        (route == "/v1/products")
            .then(|| format!("category={}&page={}", self.category, self.page + 1))
    }
}

pub fn user_id(user: u64) -> String {
    uuid(&mut Random::new(mix("user", user)))
}

/// Ten letters and digits, as shops number their goods.
pub fn product_id(product: u64) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKLMNPQRSTVWXY";
    let bits = mix("product", product);
    (0..10).map(|digit| char::from(DIGITS[(bits >> (5 * digit)) as usize % 32])).collect()
}

/// Of version 4.
pub fn uuid(random: &mut Random) -> String {
    let mut bytes = u128::from_be_bytes(random.bytes());
    bytes = bytes & !(0xf << 76) | 0x4 << 76;
    bytes = bytes & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bytes:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn public_address(bits: u64) -> String {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    // Outside of the private and reserved blocks.
    format!("{}.{b}.{c}.{}", 11 + a % 90, 1 + d % 254)
}

/// The browsers and apps of the time: platforms times versions.
fn user_agents() -> Vec<String> {
    const DESKTOPS: [&str; 3] =
        ["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"];
    let mut agents = Vec::new();
    for version in (136..=141).rev() {
        for platform in DESKTOPS {
            agents.push(format!(
                "Mozilla/5.0 ({platform}) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/{version}.0.0.0 Safari/537.36"
            ));
        }
        agents.push(format!(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/{version}.0.0.0 Mobile Safari/537.36"
        ));
        agents.push(format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{version}.0) Gecko/20100101 \
             Firefox/{version}.0"
        ));
    }
    for (version, system) in [("18.6", "18_6"), ("18.5", "18_5"), ("26.0", "18_7")] {
        agents.push(format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 \
             (KHTML, like Gecko) Version/{version} Mobile/15E148 Safari/604.1"
        ));
        agents.push(format!("ShopApp/{version} (iOS; build 4{}1)", system.len()));
    }
    agents
}
