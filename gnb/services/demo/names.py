"""Names in the languages of the customers, and the awkward ones that real lists hold."""

NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "TR": (
        ("Ayşe", "Fatma", "Zeynep", "Elif", "Şule", "Gülşah", "İrem", "Çağla", "Mehmet", "Mustafa", "Ahmet", "Emre",
         "Oğuzhan", "Uğur", "İbrahim", "Çağrı", "Ömer", "Yiğit", "Sıla", "Nilüfer"),
        ("Yılmaz", "Kaya", "Demir", "Şahin", "Çelik", "Yıldız", "Öztürk", "Aydın", "Özdemir", "Arslan", "Doğan",
         "Kılıç", "Güneş", "Koç", "Işık", "Ünal", "Taşçı", "Erdoğmuş", "Çiğdem", "Büyükşehirli"),
    ),
    "GB": (
        ("Olivia", "Amelia", "Grace", "Emily", "Charlotte", "Sophie", "Jack", "Harry", "George", "Oliver", "Thomas",
         "James", "Siobhán", "Rhys", "Niamh", "Callum"),
        ("Smith", "Jones", "Taylor", "Brown", "Wilson", "Evans", "O'Connor", "Thompson", "McDonald", "Hughes",
         "Smythe-Jones", "Walker", "Clarke", "O’Brien", "Wright", "Green"),
    ),
    "DE": (
        ("Anna", "Lena", "Mia", "Jürgen", "Björn", "Lukas", "Käthe", "Sören", "Ursula", "Max", "Felix", "Jana",
         "Günther", "Heike", "Jörg", "Antje"),
        ("Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Weiß", "Schäfer", "Köhler", "Groß", "Jäger", "Böhm",
         "Hoffmann", "von der Heide", "Lüdenscheidt", "Strauß", "Krüger"),
    ),
    "RU": (
        ("Анна", "Мария", "Екатерина", "Ольга", "Наталья", "Светлана", "Иван", "Дмитрий", "Сергей", "Алексей",
         "Павел", "Михаил", "Юлия", "Фёдор"),
        ("Иванов", "Смирнов", "Кузнецов", "Попов", "Соколов", "Лебедев", "Козлов", "Новиков", "Морозов", "Петров",
         "Волков", "Щербаков", "Королёв", "Зайцев"),
    ),
    "SA": (
        ("محمد", "أحمد", "عبد الله", "فاطمة", "نورة", "خالد", "سارة", "يوسف", "مريم", "عمر", "ليلى", "عبد الرحمن"),
        ("العتيبي", "القحطاني", "الغامدي", "الشهري", "الحربي", "الدوسري", "المطيري", "الزهراني", "السبيعي", "الأحمد"),
    ),
    "FR": (
        ("Camille", "Léa", "Chloé", "Zoé", "Hélène", "Jean-François", "Théo", "Loïc", "Noël", "Maëlle", "Rémi",
         "Éloïse", "Hugo", "Anaïs"),
        ("Martin", "Bernard", "Lefèvre", "Moreau", "Garçon", "François", "D'Aubigné", "Béranger", "Crête", "Léger",
         "Noël", "de La Tour", "Gauthier", "Rousseau"),
    ),
    "US": (
        ("Emma", "Ava", "Mason", "Ethan", "Noah", "Liam", "Sophia", "José", "Zoë", "Brooklyn", "Tyler", "Hannah"),
        ("Johnson", "Williams", "Garcia", "Miller", "Davis", "Rodríguez", "Núñez", "Lee", "Nguyen", "Jackson"),
    ),
}  # fmt: skip
"""Given and family names by nationality."""

NATIONALITY_WEIGHT = {"TR": 34, "GB": 17, "DE": 17, "RU": 13, "SA": 8, "FR": 6, "US": 5}
LANGUAGE = {"TR": "tr", "GB": "en", "DE": "de", "RU": "ru", "SA": "ar", "FR": "fr", "US": "en"}

# Ranges set aside for fiction where the country has them, unassigned or implausible ones elsewhere.
PHONE_PREFIX = {
    "TR": ("+90500", 7),
    "GB": ("+447700900", 3),
    "DE": ("+491520", 7),
    "RU": ("+790000", 5),
    "SA": ("+9665000", 5),
    "FR": ("+3363998", 4),
    "US": ("+1202555", 4),
}
"""Start of a number in E.164, and how many digits follow."""

AWKWARD_NAMES = (
    "Öztürk, Dr. Şule",
    'Robert "Bob" O\'Neil',
    'Anne-Marie "Annie" d\'Arc, Comtesse',
    "Smith, John, Jr.",
    "Ayşe Yılmaz\nFırat Yılmaz",
    "Weiß & Söhne GmbH\r\nReiseabteilung",
    '=HYPERLINK("https://example.com","Smith")',
    "=1+2",
    "+Ali Demir",
    "-Deniz Ünal",
    "@Selin",
    "\tÇağla Işık",
    "محمد، العتيبي",
    "Müller; Jürgen | \\ /",
    "İıŞşĞğÜüÖöÇç",
    "<b>Zoë</b> Núñez",
    " Sophie  Wright ",
    "李小龙",
    "Ελένη Παπαδοπούλου 🏖️",
)
"""Commas, quotes, line breaks, formulas, markup: every fortieth person bears one."""

NOTES = (
    "Please bring a sign with the name.",
    "Two suitcases, one pushchair, 1 surfboard (2.1 m).",
    "Uçağımız rötar yapabilir,\nlütfen bekleyin.",
    'Allergic to "strong perfume", please.\nWe are on the second floor; ring twice.',
    "=NOW()",
    "Bitte nicht anrufen,\r\nnur WhatsApp.",
    "الرجاء الانتظار عند باب الخروج رقم ٢",
    "Рейс может задержаться. Спасибо!",
    "Rendez-vous devant l'hôtel, côté mer.",
)

HOTELS = (
    "Hotel Deniz",
    'Otel "Güneş"',
    "Grand Bazaar Suites, Kat 3",
    "Pera Konağı",
    "Çınar Butik Otel",
    "Marina Résidence",
    "Ağaoğlu Villa, No: 7/B",
    "Şehir Oteli,\n2. giriş",
    "Sea & Sun Apartments",
    "Kapadokya Mağara Evi",
)
