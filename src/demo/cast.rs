//! Who is in the demonstration. Nobody of them exists, and their addresses can't (RFC 2606).

use crate::domain::access::Role;
use crate::domain::access::Role::{Admin, Auditor, Developer, Member, Owner, Reviewer};

pub struct Part {
    /// What comes before the @.
    pub key: &'static str,
    pub name: &'static str,
    /// What they are invited as.
    pub role: Role,
}

const fn part(key: &'static str, name: &'static str, role: Role) -> Part {
    Part { key, name, role }
}

/// Halden Freight, in the order of joining. The first one founds it.
pub const HALDEN: [Part; 62] = [
    part("amara.okafor", "Amara Okafor", Owner),
    part("ingrid.solberg", "Ingrid Solberg", Admin),
    part("mateusz.kowalczyk", "Mateusz Kowalczyk", Admin),
    part("aiko.tanaka", "Aiko Tanaka", Admin),
    part("viktor.hansen", "Viktor Hansen", Admin),
    part("henrik.dahl", "Henrik Dahl", Admin),
    part("lukasz.brandt", "Łukasz Brandt", Developer),
    part("zoe.vandermeer", "Zoë van der Meer", Developer),
    part("jose.munoz", "José Ángel Muñoz", Developer),
    part("huong.nguyen", "Nguyễn Thị Hương", Developer),
    part("olafur.jonsson", "Ólafur Jónsson", Member),
    part("cagla.yildiz", "Çağla Yıldız", Member),
    part("siobhan.nibhriain", "Siobhán Ní Bhriain", Reviewer),
    part("dorde.petrovic", "Đorđe Petrović", Member),
    part("chinonso.eze", "Chinonso Eze", Developer),
    part("priya.raghunathan", "Priya Raghunathan", Reviewer),
    part("wei.wang", "王伟", Member),
    part("seoyeon.kim", "김서연", Developer),
    part("fatima.elamrani", "Fatima Zahra El Amrani", Member),
    part("mohammed.hassan", "محمد الحسن", Member),
    part("giorgos.papadopoulos", "Γιώργος Παπαδόπουλος", Member),
    part("olena.shevchenko", "Олена Шевченко", Developer),
    part("thorunn.sveinsdottir", "Þórunn Sveinsdóttir", Member),
    part("bjorn.akesson", "Björn Åkesson", Member),
    part("renee.dubois", "Renée Dubois", Auditor),
    part("francois.lefevre", "François Lefèvre", Member),
    part("anais.ndiaye", "Anaïs N'Diaye", Member),
    part("tomas.dvorak", "Tomáš Dvořák", Developer),
    part("stepanka.novakova", "Štěpánka Nováková", Member),
    part("reka.szabo", "Réka Szabó", Member),
    part("stefan.ionescu", "Ștefan Ionescu", Member),
    part("jurgen.weiss", "Jürgen Weiß", Member),
    part("grete.sorensen", "Grete Sørensen", Member),
    part("mads.holm", "Mads Holm", Developer),
    part("liisa.makinen", "Liisa Mäkinen", Member),
    part("kaisa.ounapuu", "Kaisa Õunapuu", Member),
    part("janis.berzins", "Jānis Bērziņš", Member),
    part("ruta.kazlauskiene", "Rūta Kazlauskienė", Member),
    part("aroha.ngata", "Aroha Ngata", Reviewer),
    part("sione.taufa", "Sione Taufa", Member),
    part("tiago.goncalves", "Tiago Gonçalves", Developer),
    part("beatriz.conceicao", "Beatriz Conceição", Member),
    part("luca.dangelo", "Luca D'Angelo", Member),
    part("giulia.ferri", "Giulia Ferri", Member),
    part("noa.cohen", "נועה כהן", Developer),
    part("omar.haddad", "Omar Haddad", Member),
    part("leila.hosseini", "Leila Hosseini", Member),
    part("arjun.mehta", "Arjun Mehta", Developer),
    part("sunita.thapa", "Sunita Thapa", Member),
    part("batbayar.enkh", "Batbayar Enkh", Member),
    part("nandi.dlamini", "Nandi Dlamini", Auditor),
    part("thabo.mokoena", "Thabo Mokoena", Member),
    part("kwame.asante", "Kwame Asante", Member),
    part("wanjiru.kamau", "Wanjiru Kamau", Developer),
    part("abebe.tadesse", "Abebe Tadesse", Member),
    part("maryjane.oneill", "Mary-Jane O'Neill", Member),
    part("xochitl.hernandez", "Xóchitl Hernández", Member),
    part("rosa.mamani", "Rosa Mamani", Member),
    part("analucia.rojas", "Ana Lucía Rojas", Reviewer),
    part("dj.whitfield", "D. J. Whitfield", Member),
    part("karin.lund", "Karin Lund", Member),
    part("emeka.obi", "Emeka Obi", Member),
];

/// Nordlicht Reederei, the second organization, in the order of joining.
pub const NORDLICHT: [Part; 5] = [
    part("jonas.petersen", "Jonas Petersen", Owner),
    part("frauke.jansen", "Frauke Jansen", Admin),
    part("ole.thomsen", "Ole Thomsen", Developer),
    part("wiebke.claasen", "Wiebke Claasen", Member),
    part("mehmet.arslan", "Mehmet Arslan", Member),
];
