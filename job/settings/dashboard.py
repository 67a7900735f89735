"""How the dashboard is served: address, access and size."""

from pydantic import Field, SecretStr, field_validator

from job.settings.group import URL_PREFIX, Group


class DashboardSettings(Group):
    """Where the dashboard listens, who may look, and how much it keeps in memory."""

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on; a public one asks for a password")
    port: int = Field(8050, ge=1, le=65_535, description="port of the pages, /healthz and /readyz")
    metrics_port: int = Field(8051, ge=0, le=65_535, description="port of /metrics, 0 for none")
    url_prefix: str = Field(
        "/", pattern=URL_PREFIX, description="path that a proxy serves it under, such as /lorentzian/"
    )
    proxy_hops: int = Field(0, ge=0, le=10, description="proxies in front whose X-Forwarded headers are believed")
    auth_user: str = Field("lorentzian", min_length=1, description="user name of basic authentication")
    auth_password: SecretStr | None = Field(None, description="password of basic authentication (default: none asked)")
    auth_password_file: str | None = Field(None, description="file that holds that password, such as a mounted secret")
    insecure_no_auth: bool = Field(
        False, description="listen on a public address without a password, because something in front asks for one"
    )
    require_readonly: bool = Field(False, description="refuse to start with keys that can write to the store")
    web_workers: int = Field(1, ge=1, le=64, description="processes that answer")
    web_threads: int = Field(4, ge=1, le=64, description="requests that each of them answers at once")
    cache_mb: int = Field(128, ge=1, le=65_536, description="stored objects that each process keeps, in MB")

    @field_validator("auth_user")
    @classmethod
    def _user_has_no_colon(cls, value: str) -> str:
        if ":" in value:
            raise ValueError("must not hold a colon, which ends a user name in HTTP")
        return value
