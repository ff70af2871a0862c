"""Faults in access: tokens and their keys, revocations, permissions and their expiry."""

from tests.mutation.fault import Fault

VERIFY, JWKS, TOKENS = "server/auth/verify.py", "server/auth/jwks.py", "shared/tokens.py"
PERMISSIONS, REVOCATION = "server/auth/permissions.py", "server/auth/revocation.py"
CONNECTION, SUBSCRIPTIONS = "server/hub/connection.py", "server/hub/subscriptions.py"
TIMERS, AUTHORIZER = "server/hub/timers.py", "server/auth/authorizer.py"
HUB = "tests/integration/server/hub"
CONNECTING = f"{HUB}/test_connecting.py"
UNIT, PERMITTED = "tests/unit/server/auth", "tests/integration/server/auth"
FETCHED = f"{PERMITTED}/test_jwks.py"
GRANTED = f"{HUB}/test_subscriptions.py::test_a_subscription_token_opens_one_channel_until_it_expires"

FAULTS = [
    # Tokens, their keys and their permissions
    Fault(
        JWKS,
        "if age_s > FRESH_S or (key_id not in self._keys and age_s > retry_s):",
        "if key_id not in self._keys and age_s > retry_s:",
        FETCHED,
    ),
    Fault(JWKS, "(key_id not in self._keys and age_s > retry_s)", "key_id not in self._keys", FETCHED),
    Fault(JWKS, "            if self._fetched_at != before:\n", "            if False:\n", FETCHED),
    Fault(JWKS, "            raise KeysUnavailableError\n", "            pass\n", FETCHED),
    Fault(JWKS, "if self._keys else FIRST_RETRY_S", "if True else FIRST_RETRY_S", FETCHED),
    Fault(JWKS, "                if len(body) > MAX_BYTES:\n", "                if False:\n", FETCHED),
    Fault(
        JWKS,
        "if key.algorithm_name == algorithm and isinstance(key.key_id, str):",
        "if isinstance(key.key_id, str):",
        f"{UNIT}/test_jwks.py",
    ),
    Fault(
        VERIFY,
        '            _time(claims, "iat") or 0.0,\n',
        '            _time(claims, "iat") or time.time(),\n',
        f"{UNIT}/test_revocation.py",
    ),
    Fault(
        VERIFY,
        'if self.revoked.covers(claims["sub"], _time(claims, "iat") or 0.0):',
        "if False:",
        f"{PERMITTED} -k covers_subscription",
    ),
    Fault(
        VERIFY, '"verify_aud": self._audience is not None', '"verify_aud": False', f"{UNIT}/test_verify.py"
    ),
    Fault(VERIFY, "                issuer=self._issuer,\n", "", f"{UNIT}/test_verify.py"),
    Fault(VERIFY, "expires_at <= at:", "expires_at + self._leeway_s <= at:", f"{UNIT}/test_verify_times.py"),
    Fault(VERIFY, 'for name in ("iat", "nbf"):', 'for name in ("nbf",):', f"{UNIT}/test_verify_times.py"),
    Fault(VERIFY, '        if "channel" in claims:\n', "        if False:\n", f"{UNIT}/test_verify.py"),
    Fault(
        TOKENS,
        'times = {"iat": issued_at, "exp": issued_at + ttl_s}',
        'times = {"iat": int(issued_at), "exp": issued_at + ttl_s}',
        f"{PERMITTED} -k right_after_a_revocation",
        survives_because="a revocation takes until the next full second, for the issuers that write whole seconds",
    ),
    Fault(
        TOKENS,
        "    HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)\n",
        "",
        f"{UNIT}/test_verify.py -k public_key",
    ),
    Fault(
        "shared/tasks/channels.py",
        " and len(name) > len(prefix):",
        ":",
        "tests/unit/shared/tasks/test_channels.py",
    ),
    Fault(
        PERMISSIONS,
        "return principal.is_service or user_id == principal.user_id",
        "return True",
        f"{UNIT}/test_permissions.py",
    ),
    Fault(
        PERMISSIONS,
        "return principal.is_service or brand_id in principal.brands",
        "return True",
        f"{UNIT}/test_permissions.py",
    ),
    Fault(
        "server/auth/principal.py",
        "return SERVICE in self.scopes and self.service is None",
        "return SERVICE in self.scopes",
        f"{UNIT}/test_permissions.py",
    ),
    Fault(
        "server/auth/principal.py",
        "scopes=self.scopes - {OPERATOR}",
        "scopes=self.scopes",
        f"{UNIT}/test_permissions.py",
    ),
    Fault(
        PERMISSIONS,
        "return bool(tasks) and may_see(principal, tasks[0])",
        "return bool(tasks) and may_manage(principal, tasks[0])",
        f"{UNIT}/test_permissions.py",
    ),
    Fault(
        REVOCATION,
        "self._until[user_id] = max(until, self._until.get(user_id, until))",
        "self._until[user_id] = until",
        f"{UNIT}/test_revocation.py",
    ),
    Fault(
        REVOCATION,
        "self._until.items() if until >= before}",
        "self._until.items()}",
        f"{UNIT}/test_revocation.py",
    ),
    Fault(
        REVOCATION,
        "return issued_at <= self._until",
        "return issued_at < self._until",
        f"{UNIT}/test_revocation.py",
    ),
    # Revocations
    Fault(
        REVOCATION,
        "        await revocations.load()\n        reloading",
        "        reloading",
        f"{PERMITTED} -k first_moment",
    ),
    Fault(
        REVOCATION,
        "        await self._store.revocations.save(principal.user_id, moment)\n        self._apply({principal.user_id: moment})\n",
        "        self._apply({principal.user_id: moment})\n        await self._store.revocations.save(principal.user_id, moment)\n",
        f"{PERMITTED} -k cannot_be_stored",
    ),
    Fault(
        REVOCATION,
        '        await self._feed.signal(SIGNAL, json.dumps({"userId": principal.user_id, "moment": moment}))\n',
        "",
        f"{CONNECTING}::test_logging_out_everywhere_ends_every_connection_and_token",
    ),
    Fault(
        REVOCATION,
        "        await asyncio.sleep(min(left_s, 1 + MARGIN_S))",
        "        await asyncio.sleep(0)",
        f"{PERMITTED} -k right_after_a_revocation",
    ),
    Fault(
        CONNECTION,
        "if self.identity is not None and self._authorizer.is_revoked(self.identity):",
        "if self.identity is not None:",
        f"{PERMITTED} -k spare",
    ),
    Fault(REVOCATION, "        if text:\n", "        if True:\n", f"{PERMITTED} -k first_moment"),
    Fault(
        REVOCATION,
        "if moment > time.time() - REVOCATION_KEPT_S and not",
        "if not",
        f"{PERMITTED} -k previous_version",
    ),
    Fault(
        REVOCATION,
        "                await self._store.revocations.save(user_id, moment)\n",
        "",
        f"{PERMITTED} -k previous_version",
    ),
    Fault(
        REVOCATION,
        "except (PyMongoError, RedisError, OSError) as error:",
        "except (PyMongoError, OSError) as error:",
        f"{PERMITTED} -k redis_error",
    ),
    # Permissions of connections and subscriptions, and their expiry
    Fault(
        CONNECTION,
        "        self._hub.sessions.add(self)  # before anything is awaited",
        "        # before anything is awaited",
        f"{PERMITTED} -k while_it_connects",
    ),
    Fault(
        CONNECTION,
        "        if self._authorizer.is_revoked(identity):\n",
        "        if False:\n",
        f"{PERMITTED} -k while_it_refreshes",
    ),
    Fault(
        CONNECTION,
        "if identity.user_id != before.user_id:",
        "if False:",
        f"{CONNECTING}::test_a_token_is_refreshed_by_the_same_user_only",
    ),
    Fault(
        CONNECTION,
        "        self.identity = identity\n        self.send",
        "        self.send",
        f"{PERMITTED} -k a_refresh",
    ),
    Fault(
        CONNECTION,
        "protocol.expiry(self._expire(identity))",
        "protocol.expiry(60)",
        f"{PERMITTED} -k expiry_replaces",
    ),
    Fault(
        TIMERS,
        "            self.cancel(name)\n        else:",
        "            pass\n        else:",
        f"{PERMITTED} -k expiry_replaces",
    ),
    Fault(
        AUTHORIZER,
        "if old.brands <= new.brands and old.scopes <= new.scopes:",
        "if old.brands <= new.brands:",
        f"{PERMITTED} -k loses_the_scope",
    ),
    Fault(
        SUBSCRIPTIONS,
        "if not (one and one.granted)]",
        "]",
        f"{PERMITTED} -k a_refresh_ends",
    ),
    Fault(
        SUBSCRIPTIONS,
        "if (grant.user_id, grant.channel) != (identity.user_id, channel):",
        "if grant.channel != channel:",
        GRANTED,
    ),
    Fault(
        SUBSCRIPTIONS,
        "if expires_at is not None and expires_at + self._settings.expiry_grace_s <= time.time():",
        "if False:",
        f"{PERMITTED} -k took_long",
    ),
    Fault(
        SUBSCRIPTIONS,
        "        subscription.granted = bool(request.token)\n",
        "",
        f"{PERMITTED} -k a_refresh_ends",
    ),
    Fault(
        SUBSCRIPTIONS,
        "        subscription.granted = True\n",
        "",
        f"{PERMITTED} -k until_it_is_unsubscribed",
    ),
    Fault(
        SUBSCRIPTIONS,
        "            raise ProtocolError(codes.PERMISSION_DENIED)  # it has ended while the token was checked\n",
        "            pass\n",
        f"{PERMITTED} -k token_is_checked",
    ),
    Fault(
        SUBSCRIPTIONS,
        '        self._client.timers.cancel(f"expiry {channel}")\n',
        "",
        f"{PERMITTED} -k unsubscribed_channel",
    ),
    Fault(
        SUBSCRIPTIONS,
        '        if request.channel not in self._by_channel:\n            await self._permission(identity, request.channel, "")\n',
        "",
        f"{PERMITTED} -k a_refresh_ends",
    ),
    Fault(
        CONNECTION,
        "            self._serving.cancel()\n",
        "            pass\n",
        f"{PERMITTED} -k leaves_during",
        survives_because="a command that continues finds its connection closed; cancelling it only saves work",
    ),
    Fault(
        SUBSCRIPTIONS,
        "                self._hub.leave(subscription)\n                raise ProtocolError(codes.TOKEN_EXPIRED)",
        "                raise ProtocolError(codes.TOKEN_EXPIRED)",
        f"{PERMITTED} -k took_long",
    ),
]
