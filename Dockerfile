# Builds Sterna and runs it as a user without privileges.
#   docker build -t sterna .
#   docker run --network host -v ./sterna.yaml:/etc/sterna.yaml:ro -e STERNA_CONFIG=/etc/sterna.yaml sterna
# TURN takes a port per relay, so the network of the host is better than thousands of mapped ports.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE /app/sterna.example.yaml /app/sterna.schema.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
EXPOSE 7880/tcp 7881/tcp 7882/udp 3478/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["node", "dist/server/main.js", "doctor", "--health"]
ENTRYPOINT ["node", "dist/server/main.js"]
CMD ["serve"]
