"""The words of every letter. What stands in braces is filled in; articles are the convention's."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.mailer.domain import Audience, DeadlineKind, UnusualUseKind


@dataclass(frozen=True)
class Wording:
    """A subject, and the paragraphs between greeting and closing."""

    subject: str
    paragraphs: tuple[str, ...]


_TO_CAISSE: Mapping[DeadlineKind, Wording] = {
    # art. 9-1
    DeadlineKind.RENEWAL: Wording(
        "Renouvellement d’une convention {delay} : {partner}",
        (
            "La convention « Quotient familial » signée avec {partner} arrive à échéance le {day} ({delay}). Sauf"
            " dénonciation reçue dans les délais (article 9-2), elle se renouvelle ce jour-là pour un an, par tacite"
            " reconduction (article 9-1).",
            "C’est aussi l’occasion de faire confirmer ses utilisateurs par le partenaire, et d’enregistrer sa"
            " réponse : ceux qu’il n’aura pas confirmés dans les soixante jours qui suivent le renouvellement"
            " perdront leur habilitation.",
        ),
    ),
    # art. 9-2
    DeadlineKind.LAST_DAY_TO_DENOUNCE: Wording(
        "Dénonciation d’une convention, dernier jour {delay} : {partner}",
        (
            "Pour que la convention « Quotient familial » signée avec {partner} prenne fin à sa prochaine échéance,"
            " une dénonciation doit être reçue au plus tard le {day} ({delay}), par lettre recommandée avec accusé"
            " de réception, soit trois mois avant cette échéance (article 9-2).",
            "Passé ce jour, la convention se renouvelle pour un an (article 9-1). Si elle doit se poursuivre, vous"
            " n’avez rien à faire.",
        ),
    ),
    # art. 9-2, 10
    DeadlineKind.CONVENTION_END: Wording(
        "Fin d’une convention {delay} : {partner}",
        (
            "La convention « Quotient familial » signée avec {partner} cesse de produire effet le {day} ({delay}),"
            " comme il a été enregistré en application de ses articles 9-2 ou 10. Dès ce jour, ses utilisateurs"
            " n’ont plus accès au service.",
            "Le partenaire doit alors vous retourner les données obtenues, ou les détruire, et l’attester par écrit"
            " (article 6-1). Enregistrez son attestation dès que vous la recevez.",
        ),
    ),
    # art. 9-2
    DeadlineKind.CURE_END: Wording(
        "Mise en demeure, terme {delay} : {partner}",
        (
            "Une mise en demeure a été reçue dans le cadre de la convention « Quotient familial » signée avec"
            " {partner}. Si elle reste sans effet, la convention est résiliée le {day} ({delay}), sans autre"
            " formalité (article 9-2).",
            "Si le manquement a cessé, enregistrez-le avant ce jour : sans cela, les utilisateurs du partenaire"
            " perdront l’accès au service.",
        ),
    ),
    # art. 10
    DeadlineKind.FORCE_MAJEURE_TERMINATION: Wording(
        "Force majeure, résiliation possible {delay} : {partner}",
        (
            "Un cas de force majeure a été notifié dans le cadre de la convention « Quotient familial » signée avec"
            " {partner}. S’il dure encore, chacune des deux parties peut résilier la convention à compter du {day}"
            " ({delay}), immédiatement, de plein droit et sans indemnité (article 10).",
            "Si le cas de force majeure a pris fin, enregistrez-le.",
        ),
    ),
    # art. 7-2
    DeadlineKind.SUSPENSION_END: Wording(
        "Fin d’une suspension {delay} : {partner}",
        (
            "Une suspension d’accès que vous avez décidée pour {partner} (article 7-2) prend fin d’elle-même le"
            " {day} ({delay}). L’accès est alors de nouveau ouvert.",
            "S’il doit rester fermé, enregistrez une nouvelle suspension avant ce jour.",
        ),
    ),
    # art. 4-4, 9-1
    DeadlineKind.RECERTIFICATION: Wording(
        "Utilisateurs à confirmer, échéance {delay} : {partner}",
        (
            "Au renouvellement annuel de la convention « Quotient familial » (article 9-1), {partner} confirme ses"
            " utilisateurs. Ceux qui ne l’auront pas été avant le {day} ({delay}) perdront ce jour-là leur"
            " habilitation.",
            "Enregistrez les confirmations que vous avez reçues et, pour ceux qui sont partis ou ont changé de"
            " fonction, les demandes de modification (article 4-4).",
        ),
    ),
    # art. 6-1
    DeadlineKind.ATTESTATION: Wording(
        "Attestation de retour ou de destruction, due {delay} : {partner}",
        (
            "À la fin de la convention « Quotient familial » signée avec {partner}, le partenaire doit vous"
            " retourner les données obtenues, ou les détruire, et l’attester par écrit (article 6-1). Cette"
            " attestation est due à compter du {day} ({delay}).",
            "Elle n’est pas encore enregistrée. Si vous ne l’avez pas reçue, réclamez-la au partenaire.",
        ),
    ),
    # art. 6-1
    DeadlineKind.UNDERTAKING: Wording(
        "Engagement de confidentialité d’un prestataire, dû {delay} : {partner}",
        (
            "{partner} a déclaré un prestataire qui peut avoir connaissance de données du quotient familial."
            " L’engagement de confidentialité que ce prestataire doit signer (article 6-1) est dû à compter du {day}"
            " ({delay}).",
            "Il n’est pas encore enregistré. Si vous ne l’avez pas reçu, réclamez-le au partenaire.",
        ),
    ),
}

_TO_PARTNER: Mapping[DeadlineKind, Wording] = {
    # art. 9-1
    DeadlineKind.RENEWAL: Wording(
        "Votre convention « Quotient familial » se renouvelle {delay}",
        (
            "La convention « Quotient familial » de votre organisme ({partner}) arrive à échéance le {day}"
            " ({delay}). Sauf dénonciation reçue dans les délais (article 9-2), elle se renouvelle ce jour-là pour"
            " un an, par tacite reconduction (article 9-1).",
            "Si vous souhaitez la poursuivre, vous n’avez rien à faire pour cela. Confirmez toutefois à votre"
            " caisse la liste de vos utilisateurs : ceux que vous n’aurez pas confirmés dans les soixante jours qui"
            " suivent le renouvellement perdront leur habilitation.",
        ),
    ),
    # art. 9-2
    DeadlineKind.LAST_DAY_TO_DENOUNCE: Wording(
        "Dénonciation de votre convention « Quotient familial », dernier jour {delay}",
        (
            "Si votre organisme ({partner}) souhaite mettre fin à la convention « Quotient familial » à sa"
            " prochaine échéance, votre caisse doit recevoir une dénonciation au plus tard le {day} ({delay}), par"
            " lettre recommandée avec accusé de réception, soit trois mois avant cette échéance (article 9-2).",
            "Passé ce jour, la convention se renouvelle pour un an (article 9-1). Si vous souhaitez la poursuivre,"
            " vous n’avez rien à faire.",
        ),
    ),
    # art. 9-2, 10
    DeadlineKind.CONVENTION_END: Wording(
        "Votre convention « Quotient familial » prend fin {delay}",
        (
            "La convention « Quotient familial » de votre organisme ({partner}) cesse de produire effet le {day}"
            " ({delay}), en application de ses articles 9-2 ou 10. Dès ce jour, vos utilisateurs n’ont plus accès au"
            " service.",
            "Vous devez alors, dans les plus brefs délais, retourner à votre caisse les données obtenues ou les"
            " détruire, sans en garder de copie, et l’attester par écrit. L’obligation de confidentialité demeure"
            " cinq ans (article 6-1).",
        ),
    ),
    # art. 9-2
    DeadlineKind.CURE_END: Wording(
        "Mise en demeure sur votre convention « Quotient familial », terme {delay}",
        (
            "Une mise en demeure a été reçue dans le cadre de la convention « Quotient familial » de votre"
            " organisme ({partner}). Si elle reste sans effet, la convention est résiliée le {day} ({delay}), sans"
            " autre formalité (article 9-2), et vos utilisateurs n’ont plus accès au service.",
            "Si le manquement a cessé, assurez-vous avant ce jour que votre caisse l’a enregistré.",
        ),
    ),
    # art. 10
    DeadlineKind.FORCE_MAJEURE_TERMINATION: Wording(
        "Force majeure, résiliation possible de votre convention « Quotient familial » {delay}",
        (
            "Un cas de force majeure a été notifié dans le cadre de la convention « Quotient familial » de votre"
            " organisme ({partner}). S’il dure encore, chacune des deux parties peut résilier la convention à"
            " compter du {day} ({delay}), immédiatement, de plein droit et sans indemnité (article 10).",
            "Si le cas de force majeure a pris fin, informez-en votre caisse.",
        ),
    ),
    # art. 7-2
    DeadlineKind.SUSPENSION_END: Wording(
        "Fin d’une suspension d’accès au quotient familial {delay}",
        (
            "Une suspension d’accès au quotient familial que votre caisse a décidée (article 7-2) pour votre"
            " organisme ({partner}) prend fin le {day} ({delay}). Sauf nouvelle décision de sa part, l’accès est"
            " alors de nouveau ouvert.",
        ),
    ),
    # art. 4-4, 9-1
    DeadlineKind.RECERTIFICATION: Wording(
        "Vos utilisateurs du quotient familial à confirmer, échéance {delay}",
        (
            "Au renouvellement annuel de la convention « Quotient familial » (article 9-1), votre organisme"
            " ({partner}) confirme ses utilisateurs. Ceux que vous n’aurez pas confirmés avant le {day} ({delay})"
            " perdront ce jour-là leur habilitation.",
            "Indiquez à votre caisse ceux dont l’accès est toujours nécessaire. Pour ceux qui sont partis ou ont"
            " changé de fonction, adressez-lui une demande de modification (article 4-4).",
        ),
    ),
    # art. 6-1
    DeadlineKind.ATTESTATION: Wording(
        "Attestation de retour ou de destruction des données, due {delay}",
        (
            "À la fin de la convention « Quotient familial », votre organisme ({partner}) doit retourner à sa"
            " caisse les données obtenues, ou les détruire, sans en garder de copie, et l’attester par écrit"
            " (article 6-1). Cette attestation est due à compter du {day} ({delay}).",
            "Votre caisse ne l’a pas encore enregistrée. Si vous l’avez déjà envoyée, ne tenez pas compte de ce"
            " message.",
        ),
    ),
    # art. 6-1
    DeadlineKind.UNDERTAKING: Wording(
        "Engagement de confidentialité de votre prestataire, dû {delay}",
        (
            "Votre organisme ({partner}) a déclaré un prestataire qui peut avoir connaissance de données du"
            " quotient familial. Vous devez lui faire signer un engagement de confidentialité (article 6-1). Cet"
            " engagement est dû à compter du {day} ({delay}).",
            "Votre caisse ne l’a pas encore enregistré. Si vous l’avez déjà envoyé, ne tenez pas compte de ce"
            " message.",
        ),
    ),
}

REMINDERS: Mapping[tuple[DeadlineKind, Audience], Wording] = {
    **{(kind, Audience.CAISSE): wording for kind, wording in _TO_CAISSE.items()},
    **{(kind, Audience.PARTNER): wording for kind, wording in _TO_PARTNER.items()},
}

DORMANCY_WARNING = Wording(
    "Votre accès au quotient familial sera désactivé {delay}",
    (
        "Votre compte d’accès au service « Consultation du quotient familial » n’a pas servi depuis longtemps. Si"
        " vous ne vous connectez pas, il sera désactivé le {day} ({delay}).",
        "Pour le conserver, connectez-vous avant ce jour au service, ouvert de 5 h à 23 h (article 5). Si vous n’en"
        " avez plus besoin, parce que vos fonctions ont changé, demandez à votre organisme d’en informer la caisse"
        " (article 4-4).",
        "Ce message ne contient aucun lien. La MSA ne vous demandera jamais votre mot de passe (article 4-3).",
    ),
)

UNUSUAL_USE_REASONS: Mapping[UnusualUseKind, str] = {
    UnusualUseKind.UNKNOWN_NIRS: (
        "– NIR inconnus de la caisse : {observed}, pour {expected} au plus d’ordinaire. Quelqu’un essaie peut-être des"
        " numéros."
    ),
    UnusualUseKind.VOLUME: (
        "– Consultations : {observed}, pour {expected} au plus d’ordinaire. Quelqu’un copie peut-être des dossiers."
    ),
    UnusualUseKind.ODD_HOURS: (
        "– Consultations à des heures où ce partenaire n’en fait pas : {observed}. Quelqu’un se sert peut-être du poste"
        " d’un autre."
    ),
    # art. 4-3
    UnusualUseKind.MANY_NETWORKS: (
        "– Réseaux différents en une journée : {observed}, pour {expected} au plus d’ordinaire. Les identifiants,"
        " strictement personnels (article 4-3), sont peut-être partagés."
    ),
}

_WHAT_WAS_UNUSUAL = (
    "Compte : {account}\nPartenaire : {partner}",
    "Indice : {score} sur 100. Ce qui a été relevé :\n{reasons}",
)
_HOW_TO_LOOK = (
    "Pour voir ce qui a été relevé, de quel utilisateur et de quel partenaire il s’agit :\n"
    "    qf use list --caisse {caisse}\n"
    "    qf user show --account {account}\n"
    "    qf partner show {partner}",
    "Appelez le responsable du partenaire, à un numéro que vous connaissez, et interrogez-le avant de lui dire ce qui"
    " a été relevé.",
)

# art. 7-2
USE_SUSPENDED = Wording(
    "Compte suspendu pour usage inhabituel, à examiner (caisse {caisse})",
    (
        "Le {instant}, un compte du service « Consultation du quotient familial » a été suspendu : son usage laisse"
        " soupçonner un abus (article 7-2). Il ne peut plus rien consulter tant que vous n’avez pas levé cette"
        " suspension.",
        *_WHAT_WAS_UNUSUAL,
        *_HOW_TO_LOOK,
        "Si cet usage s’explique, levez la suspension :\n    qf use lift --account {account}",
        "Si quelqu’un d’autre connaît peut-être le mot de passe, délivrez-en d’abord un nouveau (article 5). S’il y a"
        " eu abus, suspendez l’utilisateur ou le partenaire et prévenez votre délégué à la protection des données.",
    ),
)

# art. 7-2
USE_NOTICED = Wording(
    "Usage inhabituel d’un compte, à examiner (caisse {caisse})",
    (
        "Le {instant}, l’usage d’un compte du service « Consultation du quotient familial » a paru inhabituel (article"
        " 7-2). Ce compte n’est pas suspendu.",
        *_WHAT_WAS_UNUSUAL,
        *_HOW_TO_LOOK,
        "Vous recevez ce message parce que votre caisse l’a demandé. Pour n’être plus averti que des suspensions :\n"
        "    qf use policy --caisse {caisse} --no-mail-notices",
    ),
)

USERS_CONCERNED = "Nombre d’utilisateurs concernés : {count}."
GREETING = "Bonjour,"
REPLY = "Pour toute question, répondez à ce message : votre caisse recevra votre réponse."
NO_REPLY = "Pour toute question, adressez-vous à votre caisse ; personne ne lit les réponses à ce message."
CLOSING = "Message automatique du service « Consultation du quotient familial » de la MSA."
