# The hub on the Node of the image: the runtimes that package.json installs for other machines are left out.
FROM node:24-alpine AS modules
WORKDIR /thalamus
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts && rm -rf node_modules/node node_modules/.bin/node

FROM node:24-alpine
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
RUN mkdir -m 700 /data && chown node:node /data
WORKDIR /thalamus
COPY --from=modules /thalamus/node_modules node_modules
COPY . .
USER node
VOLUME /data
EXPOSE 8080
# Live, not ready: a hub whose MongoDB is away still takes writes.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["node", "-e", "require(process.env.TLS_CERT ? 'node:https' : 'node:http').get({ host: '127.0.0.1', port: process.env.PORT, path: '/livez', rejectUnauthorized: false }, answer => process.exit(answer.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "--", "cli/main.ts"]
CMD ["serve"]
