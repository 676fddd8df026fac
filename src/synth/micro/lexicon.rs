//! The closed vocabulary of the micro world. No name contains another, so that cover-exact-match cannot be fooled by a prefix.

/// First names of people.
pub const PEOPLE: [&str; 40] = [
    "Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Lukas", "Maria",
    "Nadia", "Oscar", "Paula", "Quentin", "Rosa", "Simon", "Tilda", "Ursula", "Victor", "Wanda", "Xaver", "Yvonne",
    "Zoltan", "Agnes", "Bruno", "Celia", "Dario", "Edith", "Frida", "Gustav", "Helga", "Ivan", "Judith", "Kaspar",
    "Lydia", "Mirko", "Nora",
];

/// Names of companies.
pub const COMPANIES: [&str; 24] = [
    "Kappa", "Lumen", "Vertex", "Orbit", "Zenith", "Quartz", "Nimbus", "Pioneer", "Falcon", "Meridian", "Cobalt",
    "Tundra", "Solaris", "Vector", "Harbor", "Summit", "Prisma", "Beacon", "Corvus", "Delta", "Echo", "Fjord",
    "Granite", "Halcyon",
];

/// Names of cities.
pub const CITIES: [&str; 20] = [
    "Oslo", "Lima", "Cairo", "Dublin", "Madrid", "Tokyo", "Quito", "Vienna", "Prague", "Lisbon", "Athens", "Geneva",
    "Krakow", "Havana", "Seoul", "Delhi", "Bergen", "Turin", "Porto", "Ghent",
];

/// Drinks.
pub const DRINKS: [&str; 8] = ["tea", "coffee", "milk", "cider", "cocoa", "juice", "water", "lemonade"];

/// Animals.
pub const ANIMALS: [&str; 8] = ["cat", "dog", "parrot", "goat", "pony", "turtle", "rabbit", "canary"];

/// Products.
pub const PRODUCTS: [&str; 8] = ["lamps", "boats", "clocks", "shoes", "pianos", "tents", "kites", "mirrors"];

/// Rivers.
pub const RIVERS: [&str; 8] = ["Arno", "Rhine", "Volga", "Loire", "Tagus", "Elbe", "Danube", "Severn"];

/// Words of which the pieces in a dialogue are made.
pub const WORDS: [&str; 40] = [
    "amber", "bright", "cloud", "dusty", "ember", "frost", "gentle", "hollow", "iron", "jade", "kettle", "lantern",
    "meadow", "night", "ocean", "pebble", "quiet", "raven", "silver", "thunder", "umbra", "velvet", "willow", "yellow",
    "zephyr", "anchor", "bramble", "candle", "dew", "eagle", "feather", "glass", "honey", "island", "jasper", "knot",
    "lilac", "marble", "needle", "opal",
];

/// Kinds of pieces asked for in a dialogue.
pub const FORMS: [&str; 5] = ["poem", "riddle", "letter", "song", "story"];

/// Topics of the pieces.
pub const TOPICS: [&str; 8] = ["cats", "trains", "winter", "bread", "ships", "bees", "kings", "rain"];

/// Ordinals in a question about a dialogue.
pub const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];

/// How the assistant of a dialogue announces the i-th alike piece.
pub const CUES: [&str; 4] = ["Here is one", "Here is another", "Here is a third", "Here is a fourth"];

/// Years of the yearly figures.
pub const YEARS: [u32; 6] = [2015, 2016, 2017, 2018, 2019, 2020];

/// Subjects, verbs and places of sentences that carry no fact.
pub const IDLE_SUBJECTS: [&str; 8] = [
    "The old mill", "A narrow path", "The market hall", "A stone bridge", "The school bell", "A wooden gate",
    "The long fence", "A small chapel",
];
/// See [`IDLE_SUBJECTS`].
pub const IDLE_VERBS: [&str; 6] = ["stands near", "was built by", "leads past", "is older than", "looks toward", "belongs with"];
/// See [`IDLE_SUBJECTS`].
pub const IDLE_PLACES: [&str; 8] = [
    "the hill", "the orchard", "the lake", "the forest", "the tower", "the station", "the garden", "the quarry",
];
