"""What the protos say in words only, for programs: limits and patterns of fields, and examples of messages.

A key that names no field or message of the protos stops the generation. All people and numbers are invented.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from deploy.local.people import FAMILIES, UNKNOWN_NIR

Schema = dict[str, Any]

# The order in which a maker of software meets them.
SERVICES = (
    "StatusService",
    "SessionService",
    "SecondFactorService",
    "QuotientService",
    "OppositionService",
    "ConsultationService",
)

# Fields of requests without which nothing comes of the call.
REQUIRED: Mapping[str, Sequence[str]] = {
    "SignInRequest": ("login", "password"),
    "ChangePasswordRequest": ("current_password", "new_password"),
    "BeginEnrolmentRequest": ("current_password",),
    "ConfirmEnrolmentRequest": ("one_time_code",),
    "RenewRecoveryCodesRequest": ("one_time_code",),
    "RemoveSecondFactorRequest": ("current_password", "one_time_code"),
    "ConsultQuotientRequest": ("nir", "purpose"),
    "ConsultQuotientsRequest": ("queries",),
    "QuotientQuery": ("nir", "purpose"),
    "RecordOppositionRequest": ("nir",),
}

_NIR: Schema = {"format": "nir", "minLength": 15}
_MONTH: Schema = {"pattern": "^([0-9]{4}-(0[1-9]|1[0-2]))?$"}
_REFERENCE: Schema = {"maxLength": 64}
_PURPOSE_TEXT: Schema = {"maxLength": 100}
_DAY: Schema = {"format": "date"}

# Limits and formats, by field.
LIMITS: Mapping[str, Schema] = {
    "SignInRequest.password": {"format": "password"},
    "ChangePasswordRequest.current_password": {"format": "password"},
    "ChangePasswordRequest.new_password": {"format": "password", "minLength": 12, "maxLength": 128},
    "BeginEnrolmentRequest.current_password": {"format": "password"},
    "RemoveSecondFactorRequest.current_password": {"format": "password"},
    "ConsultQuotientRequest.nir": _NIR,
    "ConsultQuotientRequest.month": _MONTH,
    "ConsultQuotientRequest.case_reference": _REFERENCE,
    "ConsultQuotientRequest.purpose_text": _PURPOSE_TEXT,
    "ConsultQuotientsRequest.queries": {"minItems": 1, "maxItems": 500},
    "QuotientQuery.nir": _NIR,
    "QuotientQuery.month": _MONTH,
    "QuotientQuery.case_reference": _REFERENCE,
    "QuotientQuery.purpose_text": _PURPOSE_TEXT,
    "RecordOppositionRequest.nir": _NIR,
    "RecordOppositionRequest.received_on": {"pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"},
    "RecordOppositionRequest.reference": _REFERENCE,
    "ListConsultationsRequest.page_size": {"minimum": 0, "maximum": 500},
    "QuotientPeriod.valid_from": _DAY,
    "QuotientPeriod.valid_to": {"pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"},
    "Consultation.month": {"pattern": _MONTH["pattern"]},
}

_AVAILABLE = next(family for family in FAMILIES if family.kind == "available")
_OPPOSED = next(family for family in FAMILIES if family.kind == "opposed")
_TOKEN = "dGhpcyBpcyBub3QgYSByZWFsIHRva2VuLCBvbmx5IG9uZQ"
_CONSULTATION_ID = "019ab0c4-7d1e-7c53-9f0a-5c1a0e6b2d11"
_EXPIRY = {"idle_timeout": "900s", "expire_time": "2026-11-23T16:12:04Z"}
_PASSWORD = "quatre-brouettes-violettes-7"

_ANSWER = {
    "outcome": "OUTCOME_AVAILABLE",
    "dossier": {
        "numero": _AVAILABLE.numero_dossier,
        "coordonnees": {
            "allocataires": [
                {"nom_naissance": _AVAILABLE.nom.upper(), "nom_usage": "", "prenoms": _AVAILABLE.prenoms}
            ],
            "destinataire": f"{_AVAILABLE.prenoms} {_AVAILABLE.nom.upper()}",
            "complement_information": "",
            "complement_information_geographique": "",
            "numero_libelle_voie": _AVAILABLE.street,
            "lieu_dit": "",
            "code_postal_ville": _AVAILABLE.town,
            "pays": "FRANCE",
        },
    },
    "periods": [{"valid_from": "2026-01-01", "valid_to": "2026-12-31", "amount_cents": 58400}],
    "consultation_id": _CONSULTATION_ID,
}

# One example of each request that has a body, and of each response that tells something.
EXAMPLES: Mapping[str, Any] = {
    "SignInRequest": {"login": "b21-odette-bellavoine", "password": _PASSWORD},
    "SignInResponse": {
        "session_token": _TOKEN,
        "password_change_required": False,
        **_EXPIRY,
        "previous_sign_in_time": "2026-11-20T08:30:00Z",
        "second_factor_enrolment_required": False,
        "earlier_session_ended": False,
        "password_renewal_advised": False,
        "device_token": "ZGV2aWNl",
        "refused_sign_in_count": 0,
    },
    "ChangePasswordRequest": {"current_password": "Xy7-provisoire-2kd", "new_password": _PASSWORD},
    "ChangePasswordResponse": {
        "session_token": _TOKEN,
        **_EXPIRY,
        "second_factor_enrolment_required": False,
    },
    "GetSessionResponse": {
        "password_change_required": False,
        "idle_timeout": "900s",
        "idle_expire_time": "2026-11-23T10:27:04Z",
        "expire_time": "2026-11-23T16:12:04Z",
        "remaining": "118.400s",
        "expiring_soon": True,
        "second_factor_enrolment_required": False,
        "previous_sign_in_time": "2026-11-20T08:30:00Z",
    },
    "BeginEnrolmentRequest": {"current_password": _PASSWORD},
    "ConfirmEnrolmentRequest": {"one_time_code": "492039"},
    "RenewRecoveryCodesRequest": {"one_time_code": "492039"},
    "RemoveSecondFactorRequest": {"current_password": _PASSWORD, "one_time_code": "492039"},
    "ConsultQuotientRequest": {
        "nir": _AVAILABLE.nir,
        "month": "2026-11",
        "purpose": "PURPOSE_CANTEEN",
        "case_reference": "CANT/118",
    },
    "ConsultQuotientResponse": _ANSWER,
    "ConsultQuotientsRequest": {
        "queries": [
            {"nir": _AVAILABLE.nir, "purpose": "PURPOSE_CANTEEN", "case_reference": "CANT/118"},
            {"nir": _OPPOSED.nir, "purpose": "PURPOSE_CANTEEN", "case_reference": "CANT/119"},
        ]
    },
    "ConsultQuotientsResponse": {"position": 0, "consultation": _ANSWER},
    "RecordOppositionRequest": {
        "nir": UNKNOWN_NIR,
        "received_on": "2026-11-24",
        "requester": "OPPOSITION_REQUESTER_PERSON",
        "channel": "OPPOSITION_CHANNEL_COUNTER",
        "reference": "OPP/7",
    },
    "RecordOppositionResponse": {
        "opposition_id": "019ab0c4-9a2b-7c1d-8e3f-0a1b2c3d4e5f",
        "record_time": "2026-11-24T09:41:00Z",
    },
    "ListConsultationsResponse": {
        "consultations": [
            {
                "consultation_id": _CONSULTATION_ID,
                "consult_time": "2026-11-24T09:40:12.318Z",
                "month": "2026-11",
                "purpose": "PURPOSE_CANTEEN",
                "purpose_text": "",
                "case_reference": "CANT/118",
                "outcome": "OUTCOME_AVAILABLE",
                "user": {
                    "habilitation_id": "019ab0c4-1111-7222-8333-444455556666",
                    "nom": "BELLAVOINE",
                    "prenom": "Odette",
                },
            }
        ],
        "next_page_token": "",
    },
    "GetStatusResponse": {
        "state": "SERVICE_STATE_OPEN",
        "hours": "Ouvert de 5 h à 23 h, heure de Paris, 7 jours sur 7.",
        "next_change_time": "2026-11-24T22:00:00Z",
        "caisses": [
            {
                "caisse_code": "21",
                "name": "MSA Bourgogne",
                "state": "SERVICE_STATE_OPEN",
                "maintenances": [
                    {
                        "start_time": "2026-12-01T20:00:00Z",
                        "end_time": "2026-12-01T21:30:00Z",
                        "message": "Mise à jour du service",
                    }
                ],
            }
        ],
    },
}
