"""The words that the generated club is made of: names of people and their activities."""

from __future__ import annotations

from typing import NamedTuple


class Activity(NamedTuple):
    """A recurring activity of the club; `hour` is when it starts, `hours` how long it lasts."""

    title: str
    category: str
    location: str
    hour: int
    hours: int
    description: str


MAIL_DOMAINS = ("example.org", "example.net", "example.com")

FIRST_NAMES = """
    Aaron Abigail Adele Aisha Alan Alejandro Alice Amelia Amy Ana Andrew Angela Anita Anna-Marie Anne Annie
    Antonio Audrey Barbara Beatriz Ben Bernard Beth Beverly Bonnie Brenda Brian Bruce Camille Carl Carlos
    Carmen Carol Caroline Catherine Celeste Charles Charlotte Chloé Christine Claire Clara Claudio Colleen
    Connie Craig Cynthia Daniel David Deborah Denise Dennis Diana Diane Dolores Don Donna Doris Dorothy
    Douglas Edith Edward Eileen Elaine Eleanor Elena Elizabeth Ellen Emily Emma Eric Esther Eugene Evelyn
    Fatima Felix Frances Frank Françoise Gail Gary George Gerald Gloria Gordon Grace Greg Hannah Harold
    Harriet Heather Hector Heidi Helen Henry Howard Hugh Inés Irene Isabel Ivan Jack Jacqueline James Jan
    Jane Janet Janice Jason Jean Jean-Paul Jennifer Jeremy Jill Jim Joan Joanne John Jorge José Joseph Joy
    Joyce Juan Judith Julia June Karen Katherine Kathleen Keith Kenneth Kevin Kimberly Larry Laura Leah
    Leonard Leslie Lillian Linda Lisa Lois Lorraine Louis Lucía Lucy Luis Lydia Lynn Mai Malcolm Marcia
    Margaret María Marie-Claire Marilyn Mark Marlene Martha Martin Mary Mary-Jo Maureen Megan Melissa
    Michael Michelle Mildred Miriam Mónica Nancy Naomi Natalie Neil Nicole Noël Nora Norman Olga Olivia
    Oscar Pamela Patricia Patrick Paul Paula Peggy Peter Philip Phyllis Priya Rachel Ralph Ramón Raymond
    Rebecca Renée Richard Rita Robert Roberta Roger Ronald Rosa Rosemary Roy Russell Ruth Samuel Sandra Sara
    Sean Sharon Sheila Shirley Siobhán Sofia Sonia Stanley Stella Stephen Steven Sue Susan Sylvia Teresa
    Theodore Thomas Timothy Tina Tom Tomás Ursula Valerie Vera Vernon Victor Vincent Violet Virginia Vivian
    Walter Wanda Warren Wayne Wendy William Winifred Yolanda Yuki Yvonne Zoë
""".split()  # noqa: SIM905 - one name a line would be three hundred lines that say no more

LAST_NAMES = """
    Abbott Adams Aguilar Allen Alvarez Anderson Andrews Archer Armstrong Arnold Ashworth Bailey Baker Barnes
    Barrett Beaumont Bell Bennett Berg Bergström Bishop Black Blackwood Bowen Boyd Bradley Brennan Brooks
    Brown Bryant Burke Burns Butler Caldwell Calloway Campbell Carlson Carpenter Carroll Carter Castillo
    Castro Chan Chandler Chapman Chávez Chen Cho Clark Cohen Cole Coleman Collins Conway Cook Cooper Cox
    Crawford Cruz Cunningham Curtis D'Amico D'Angelo Dalton Daniels Davidson Davies Davis Dawson Delgado
    Diaz Dixon Donovan Douglas Doyle Drake Dubois Duncan Dunn Edwards Elliott Ellis Engel Erickson Espinoza
    Evans Farrell Ferguson Fernández Fischer Fisher Fitzgerald Fleming Fletcher Flores Foster Fox Franklin
    Fraser Freeman Fuller Gallagher García García-Lopez Gardner Garrett Gibson Gilbert Goldberg Gomez
    González Goodwin Gordon Graham Grant Gray Green Greene Griffin Guerrero Gutiérrez Hale Hall Hamilton
    Hansen Harper Harris Harrison Hart Harvey Hayes Henderson Henry Hernández Hicks Hoffman Holland Holmes
    Howard Howell Hudson Hughes Hunt Hunter Ito Jackson Jacobs Jenkins Jennings Jensen Johansson Johnson
    Jones Jordan Kaplan Kelley Kelly Kennedy Kim King Klein Knight Kowalski Kramer Lambert Lane Larson
    Lawrence Lawson Le Lee Leonard Lewis Lin Lloyd Long López Lowe Lynch MacDonald Maldonado Marsh Marshall
    Martin Martínez Mason Matthews McCarthy McDonald McKenzie McLean Medina Mendoza Meyer Miller Mills
    Mitchell Montgomery Moore Morales Moreno Morgan Morris Morrison Müller Muñoz Murphy Murray Myers
    Nakamura Navarro Nelson Newman Nguyen Nichols Nolan Norris Novak Núñez O'Brien O'Connor O'Donnell O'Hara
    O'Neill O'Sullivan Oliver Olson Ortega Ortiz Owens Palmer Park Parker Patel Patterson Payne Pearson
    Pérez Perkins Perry Peters Peterson Phillips Porter Powell Price Quinn Ramírez Ramos Reed Reid Reyes
    Reynolds Rhodes Richards Richardson Riley Rivera Roberts Robinson Rodríguez Rogers Romero Rosen Ross
    Rossi Russell Ryan Salazar Sanders Sandoval Santos Sato Schmidt Schneider Schultz Scott Shah Shaw Silva
    Simmons Simpson Singh Smith Smith-Jones Snyder Soto Spencer Stein Stephens Stevens Stewart Stone
    Sullivan Sutton Swanson Tanaka Taylor Thomas Thompson Torres Tran Tucker Turner Vance Vargas Vasquez
    Vega Wagner Walker Wallace Walsh Walters Wang Ward Warner Watkins Watson Watts Weaver Webb Weber Weiss
    Wells West Wheeler White Whitfield-Hayes Williams Wilson Wolfe Wong Wood Woods Wright Wu Yamamoto Yang
    Young Zhang
""".split()  # noqa: SIM905 - as above

ACTIVITIES = (
    Activity("Welcome Coffee", "Social", "Handlebar Coffee", 9, 2, "Monthly welcome of new members"),
    Activity("Newcomers' Orientation", "Social", "Goleta Library, Room A", 10, 2, "How the club works"),
    Activity("Monthly Luncheon", "Social", "Rusty Anchor Hall", 12, 2, "Lunch, news and a speaker"),
    Activity("Holiday Party", "Social", "Carrillo Ballroom", 18, 4, "Dinner, music and dancing"),
    Activity("Summer Picnic", "Social", "Stow Grove Park", 11, 4, "Bring a dish and a chair"),
    Activity("Sunset Social", "Social", "Shoreline Park", 17, 2, "A glass at the end of the day"),
    Activity("Trivia Night", "Social", "Old Town Tavern", 19, 2, "Teams of six, prizes for the last as well"),
    Activity("Couples' Supper Club", "Dining Out", "At a member's home", 18, 3, "Potluck in small groups"),
    Activity("Wine Tasting", "Dining Out", "Foxen Winery", 13, 4, "A visit to local wineries"),
    Activity("Thai Dinner", "Dining Out", "Lotus House", 18, 2, "Family-style dinner"),
    Activity("Breakfast Club", "Dining Out", "Harbor Café", 8, 2, "Pancakes by the harbor"),
    Activity("Ladies' Lunch", "Dining Out", "The Garden Room", 12, 2, "Lunch downtown"),
    Activity("Taco Tuesday", "Dining Out", "La Paloma Cantina", 17, 2, "Tacos and good company"),
    Activity("Hiking: Inspiration Point", "Outdoor Activities", "Inspiration Point", 8, 4, "A moderate 4 miles"),
    Activity("Hiking: Cold Spring", "Outdoor Activities", "Cold Spring Trailhead", 8, 3, "Along the creek"),
    Activity("Beach Walk", "Outdoor Activities", "Hendry's Beach", 9, 2, "An easy walk at low tide"),
    Activity("Kayaking", "Outdoor Activities", "Harbor, Launch Ramp", 9, 3, "Guided, for beginners too"),
    Activity("Bird Watching", "Outdoor Activities", "Lake Los Carneros", 7, 3, "Binoculars are lent"),
    Activity("Bike Ride: Coast Route", "Outdoor Activities", "Goleta Beach", 9, 3, "18 flat miles with a stop"),
    Activity("Garden Tour", "Outdoor Activities", "Botanic Garden", 10, 2, "With a docent"),
    Activity("Golf: Nine Holes", "Sports", "Twin Lakes Golf", 13, 3, "All handicaps"),
    Activity("Pickleball", "Sports", "Municipal Courts", 10, 2, "Rackets are provided"),
    Activity("Tennis Round Robin", "Sports", "Municipal Courts", 9, 3, "Mixed doubles"),
    Activity("Bocce Afternoon", "Sports", "Oak Park", 14, 2, "Four courts, two hours"),
    Activity("Lawn Bowling", "Sports", "MacKenzie Park", 13, 2, "An introduction by the local club"),
    Activity("Book Group", "Arts & Culture", "Montecito Library", 15, 2, "We discuss this month's book"),
    Activity("Museum Visit", "Arts & Culture", "Museum of Art", 11, 2, "A tour of the new exhibition"),
    Activity("Evening at the Symphony", "Arts & Culture", "Granada Theatre", 19, 3, "Seats in the balcony"),
    Activity("Film & Discussion", "Arts & Culture", "Riviera Theatre", 16, 3, "A film, then coffee"),
    Activity("Watercolor Workshop", "Arts & Culture", "Art Center Studio", 10, 3, "Materials are included"),
    Activity("Photography Walk", "Arts & Culture", "Old Mission", 16, 2, "Bring any camera"),
    Activity("Bridge for Beginners", "Games", "Senior Center, Room 2", 13, 3, "No partner needed"),
    Activity("Mah Jongg", "Games", "Senior Center, Room 3", 13, 3, "Tables for all levels"),
    Activity("Poker Night", "Games", "At a member's home", 19, 3, "Low stakes, loud laughter"),
    Activity("Day Trip: Solvang", "Travel", "Bus from Park & Ride", 9, 8, "Bakeries and windmills by bus"),
    Activity("Day Trip: Getty Center", "Travel", "Bus from Park & Ride", 8, 10, "Bus and entry included"),
    Activity("Beach Cleanup", "Community", "Arroyo Burro", 9, 2, "Gloves and bags are provided"),
    Activity("Food Bank Morning", "Community", "Foodbank Warehouse", 9, 3, "Sorting and packing"),
    Activity("Board Meeting", "Governance", "Goleta Library, Room B", 17, 2, "Open to members"),
    Activity("Annual General Meeting", "Governance", "Carrillo Ballroom", 17, 3, "Reports and elections"),
)
