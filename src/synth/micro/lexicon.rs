//! The closed vocabulary of the micro world. It is small on purpose: a model of a million parameters finds out how to look things up among
//! a dozen names in a few hundred steps, among a hundred it does not in a thousand. No name contains another, so that cover-exact-match cannot be fooled by a prefix.

/// First names of people.
pub const PEOPLE: [&str; 16] = [
    "Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Lukas", "Maria",
    "Nadia", "Oscar", "Paula",
];

/// Names of companies.
pub const COMPANIES: [&str; 8] = ["Kappa", "Lumen", "Vertex", "Orbit", "Zenith", "Quartz", "Nimbus", "Pioneer"];

/// Names of cities.
pub const CITIES: [&str; 8] = ["Oslo", "Lima", "Cairo", "Dublin", "Madrid", "Tokyo", "Quito", "Vienna"];

/// Drinks.
pub const DRINKS: [&str; 8] = ["tea", "coffee", "milk", "cider", "cocoa", "juice", "water", "lemonade"];

/// Animals.
pub const ANIMALS: [&str; 8] = ["cat", "dog", "parrot", "goat", "pony", "turtle", "rabbit", "canary"];

/// Products.
pub const PRODUCTS: [&str; 8] = ["lamps", "boats", "clocks", "shoes", "pianos", "tents", "kites", "mirrors"];

/// Rivers.
pub const RIVERS: [&str; 8] = ["Arno", "Rhine", "Volga", "Loire", "Tagus", "Elbe", "Danube", "Severn"];

/// Words of which the pieces in a dialogue are made. So many that no word comes twice in a dialogue: among words that all stand somewhere
/// in the context a small model does not find out which one follows.
pub const WORDS: [&str; 120] = [
    "amber", "bright", "cloud", "dusty", "ember", "frost", "gentle", "hollow", "iron", "jade", "kettle", "lantern",
    "meadow", "night", "ocean", "pebble", "quiet", "raven", "silver", "thunder", "umbra", "velvet", "willow", "yellow",
    "acorn", "anchor", "apple", "arrow", "autumn", "badger", "bamboo", "barrel", "basket", "beacon", "berry",
    "blanket", "blossom", "branch", "breeze", "brook", "bucket", "butter", "candle", "canyon", "castle", "cedar",
    "cherry", "chimney", "clover", "copper", "coral", "cotton", "cradle", "crystal", "daisy", "desert", "dragon",
    "drizzle", "eagle", "early", "echo", "falcon", "feather", "fiddle", "flame", "flint", "forge", "fossil",
    "fountain", "frozen", "galaxy", "ginger", "glacier", "golden", "granite", "hammer", "harbor", "hazel", "heather",
    "honey", "horizon", "island", "ivory", "jasmine", "jungle", "ladder", "lavender", "lemon", "lilac", "linen",
    "locket", "lotus", "magnet", "maple", "marble", "midnight", "misty", "mosaic", "mountain", "needle", "nettle",
    "nutmeg", "oak", "olive", "opal", "orchid", "otter", "parcel", "pearl", "pepper", "petal", "pillow", "planet",
    "plum", "poppy", "prairie", "puzzle", "ribbon", "ruby", "saddle",
];

/// Kinds of pieces asked for in a dialogue.
pub const FORMS: [&str; 4] = ["poem", "riddle", "letter", "song"];

/// Topics of the pieces.
pub const TOPICS: [&str; 6] = ["cats", "trains", "winter", "bread", "ships", "bees"];

/// Ordinals in a question about a dialogue.
pub const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];

/// How the assistant of a dialogue announces the i-th alike piece.
pub const CUES: [&str; 4] = ["Here is a", "Here is another", "Here is a third", "Here is a fourth"];

/// The largest number that is one token: no sum of two amounts is larger. Digit by digit, amounts could not be told apart by
/// which of them a context holds, and a model of a million parameters did not find out how to look them up.
pub const MOST: u32 = 198;

/// Years of the yearly figures.
pub const YEARS: [u32; 6] = [2015, 2016, 2017, 2018, 2019, 2020];

/// Subjects, verbs and places of sentences that carry no fact.
pub const IDLE_SUBJECTS: [&str; 8] = [
    "The old mill",
    "A narrow path",
    "The market hall",
    "A stone bridge",
    "The school bell",
    "A wooden gate",
    "The long fence",
    "A small chapel",
];
/// See [`IDLE_SUBJECTS`].
pub const IDLE_VERBS: [&str; 6] =
    ["stands near", "was built by", "leads past", "is older than", "looks toward", "belongs with"];
/// See [`IDLE_SUBJECTS`].
pub const IDLE_PLACES: [&str; 8] =
    ["the hill", "the orchard", "the lake", "the forest", "the tower", "the station", "the garden", "the quarry"];
