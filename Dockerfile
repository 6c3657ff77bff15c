# A static binary in an empty image, run as nobody in particular. `--build-arg VERSION=v1.2.3 --build-arg
# COMMIT=$(git rev-parse HEAD)` says what it is; the same source and the same Go make the same binary.
# The image that builds is pinned; `scripts/digests` prints what its tag is today, for --build-arg GO_IMAGE=….
ARG GO_IMAGE=golang:1.26.5@sha256:3aff6657219a4d9c14e27fb1d8976c49c29fddb70ba835014f477e1c70636647
FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev COMMIT=unknown
RUN COMMIT="${COMMIT}" scripts/static /gatepost "${VERSION}"

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /gatepost /gatepost
USER 65532:65532
ENV GATEPOST_LISTEN=:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/gatepost", "health"]
ENTRYPOINT ["/gatepost"]
